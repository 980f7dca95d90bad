// Several I/O threads: how many suit a machine, and that connections are spread over them, on both sides. What a thread does is seen in how
// often it woke up, which Linux tells of each.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { ioThreadsOf, openZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";
import { connectIn, identity, listenIn } from "./contract-world.ts";

test("a machine has an I/O thread for every two cores, one at least and eight at most", () => {
  expect([1, 2, 3, 4, 7, 8, 16, 128].map(ioThreadsOf)).toEqual([1, 1, 1, 2, 3, 4, 8, 8]);
});

/**
 * How often each thread of this process woke up, by its number in the system. libzmq gives its threads no names: they have the program's, which
 * the runtime's own have not.
 */
function wakeUps(): Map<string, number> {
  const found = new Map<string, number>();
  const ownName = readFileSync("/proc/self/comm", "utf8");
  for (const id of readdirSync("/proc/self/task")) {
    const folder = `/proc/self/task/${id}`;
    const isOurs = id !== String(process.pid) && readFileSync(`${folder}/comm`, "utf8") === ownName;
    if (!isOurs) continue;
    const [, count] =
      /^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`${folder}/status`, "utf8")) ?? [];
    found.set(id, Number(count));
  }
  return found;
}

test.skipIf(process.platform !== "linux")(
  "connections are spread over the I/O threads of both sides (Linux tells)",
  async () => {
    const others = new Set(wakeUps().keys());
    const server = await openZmqTransport({ ioThreads: 2 });
    const client = await openZmqTransport({ ioThreads: 2 });
    const world = { client, server, secondServer: server, close: async () => 0 };
    const { link, events } = listenIn(world, {});
    // One after the other: the server's threads are chosen by how many connections each has by then.
    const open = [];
    for (const value of [1, 2, 3, 4]) {
      const connected = connectIn(world, link.port, { identity: identity(value) });
      expect((await connected.events.next()).type).toBe("up");
      open.push(connected.link);
    }
    const before = wakeUps();
    const rounds = 50;
    for (let round = 0; round < rounds; round++)
      for (const one of open) {
        expect(one.send([new Uint8Array(1)])).toBe("sent");
        (await events.message()).release();
      }
    const woken = [...wakeUps()].filter(
      ([id, count]) => !others.has(id) && count - (before.get(id) ?? 0) > rounds / 2,
    );
    // Two connections each, and each message came when its thread slept.
    expect(woken.length).toBe(4);
    for (const one of open) one.close();
    link.close();
    await Promise.all([client.close(), server.close()]);
  },
);
