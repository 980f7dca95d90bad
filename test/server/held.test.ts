// What the server keeps of clients that are gone: nothing, however many there were. Counts objects after a whole collection,
// where the memory of a process would tell when the collector had its turn.

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

const clients = 200;

interface Visit {
  readonly what: string;
  readonly pay: (client: TestClient, number: number) => Promise<void>;
  /** Records that stay in the test's catalogue, which is all objects: a client's last failure is told when it asks. */
  readonly records: number;
}

const visits: readonly Visit[] = [
  {
    what: "ask about what nobody knows",
    pay: async (client) => {
      expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 404 });
    },
    records: 0,
  },
  {
    what: "begin an upload and take it back",
    pay: async (client, number) => {
      expect((await client.ask(postOf({ name: `${number}.raw` }))).type).toBe("upload-approved");
      client.send({ type: "error", code: 499, text: "Cancelled" });
    },
    records: 1,
  },
];

test.each([...visits])("of many clients that $what no object is left", async ({ pay, records }) => {
  const world = new ServerWorld();
  await world.start();
  let number = 0;
  async function objectsAfterVisits(): Promise<number> {
    for (let count = 0; count < clients; count++) {
      const client = await world.connect(++number);
      await pay(client, number);
      client.close();
      await world.settle();
    }
    expect(world.server.openUploads).toBe(0);
    world.log.length = 0;
    Bun.gc(true);
    return heapStats().objectTypeCounts.Object ?? 0;
  }
  // What is made once is there after the first ones.
  await objectsAfterVisits();
  const before = await objectsAfterVisits();
  const perClient = ((await objectsAfterVisits()) - before) / clients;
  expect(perClient).toBeLessThan(records + 0.5);
});
