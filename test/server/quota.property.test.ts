// Whatever clients send, in whatever order and side by side: what is stored and under way never passes a quota, neither by the
// catalogue's numbers nor by the bytes that lie there.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

const quotaBytes = 40;
const clientsMax = 5;

/** What one of the clients does. */
const steps = fc.array(
  fc.record({
    client: fc.nat(clientsMax - 1),
    verb: fc.constantFrom("post", "stream", "chunk", "chunk", "chunk", "end", "cancel", "restart"),
    bytes: fc.integer({ min: 1, max: 25 }),
    /** Whether all that was asked for is done before the next step. */
    settles: fc.boolean(),
  }),
  { minLength: 10, maxLength: 60 },
);

interface Sender {
  readonly client: TestClient;
  /** Of what it announced; `null`: nothing. */
  readonly size: number | null;
  content: string;
}

async function bytesThere(world: ServerWorld): Promise<number> {
  let bytes = world.storage.published().reduce((sum, file) => sum + file.bytes.length, 0);
  for await (const id of world.storage.ids()) bytes += (await world.storage.lookAt(id))?.bytes ?? 0;
  return bytes;
}

test("a quota is never passed", async () => {
  let stored = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const world = new ServerWorld();
      const limits = { quotaBytes };
      await world.start({ limits });
      const senders = new Map<number, Sender>();
      let uploads = 0;
      const begin = async (which: number, size: number | null): Promise<void> => {
        senders.get(which)?.client.close();
        const client = await world.connect(++uploads);
        client.send(postOf({ name: `${uploads}.raw`, info: size === null ? {} : { size } }));
        senders.set(which, { client, size, content: "" });
      };
      for (const { client: which, verb, bytes, settles } of all) {
        const sender = senders.get(which);
        if (verb === "post") await begin(which, bytes);
        else if (verb === "stream") await begin(which, null);
        else if (verb === "restart") {
          await world.server.stop();
          await world.start({ limits });
          senders.clear();
        } else if (sender !== undefined && verb === "chunk") {
          const text = "x".repeat(
            sender.size === null ? bytes : Math.min(bytes, sender.size - sender.content.length),
          );
          if (text !== "") sender.client.chunk(sender.content.length, text);
          sender.content += text;
        } else if (sender !== undefined && verb === "end") sender.client.end(sender.content);
        else sender?.client.send({ type: "error", code: 499, text: "Cancelled" });
        if (settles) await world.settle();
        const usage = await world.catalogue.usageOf("anna");
        expect(usage.stored + usage.underWay).toBeLessThanOrEqual(quotaBytes);
        expect(await bytesThere(world)).toBeLessThanOrEqual(quotaBytes);
      }
      await world.server.stop();
      await world.settle();
      expect(world.network.messagesHeld).toBe(0);
      stored += world.storage.published().length;
      refused += world.log.filter(({ fields }) => fields.code === 507 || fields.code === 413).length;
    }),
    { numRuns: 60 },
  );
  // It was put to the test.
  expect(stored).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
