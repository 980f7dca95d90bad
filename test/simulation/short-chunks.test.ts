// An upload that would fit into one chunk, and comes in shorter ones: our own client begins so, as long as it does not know the line.

import { expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import { MachineWorld } from "./machine-world.ts";

const chunkBytes = 64_000;
const latencyMs = 50;
const roundTripMs = 2 * latencyMs;

/** Simulated ms that one of `size` bytes takes to a disk that needs so many for a chunk. */
function upload(size: number, diskMs: number): number {
  const server = { chunkBytes, maxQueue: 8, capacity: 512, idleMs: 60_000 };
  const job = { identity: "short", user: "short", size, isFile: true, startMs: 0, wantsReceipt: false };
  const world = new MachineWorld(1, () => {}, { server, jobs: [job], latencyMs, diskMs, readMs: 0 });
  world.server.start(server);
  const [client] = world.clients;
  client?.start();
  while (client?.result === null && world.clock.step()) world.server.check();
  expect(client?.result).toMatchObject({ type: "finished" });
  return world.clock.now();
}

test("credit for all of its chunks is there when they are sent, but for a round trip in which the server sees that it is used", () => {
  const one = upload(10_000, 1);
  const { chunkBytesSlow, firstGrantChunks } = limits;
  // The last chunk of each is empty.
  expect(upload((firstGrantChunks - 1) * chunkBytesSlow, 1) - one).toBeLessThan(0.5 * roundTripMs);
  expect(upload(chunkBytes, 1) - one).toBeLessThan(1.5 * roundTripMs);
});
