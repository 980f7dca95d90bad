// Long lines in the model, where neither a processor nor a proxy is what limits: an upload is as fast as its source, however long
// its line is.

import { expect, test } from "bun:test";
import { MachineWorld } from "./machine-world.ts";
import type { ModelServerOptions } from "./model-server.ts";

const chunkBytes = 1000;
const readMs = 5;
const chunks = 3000;
const maxQueue = 8;

/** Simulated ms that an upload takes over a line of so many ms there and back, and most of the budget that it held, in chunks. */
function upload(
  roundTripMs: number,
  isFile: boolean,
  options: Partial<ModelServerOptions>,
): { ms: number; held: number } {
  const server = { chunkBytes, maxQueue, capacity: 512, idleMs: 60_000, ...options };
  const job = {
    identity: "far",
    user: "far",
    size: chunks * chunkBytes,
    isFile,
    startMs: 0,
    wantsReceipt: false,
  };
  const world = new MachineWorld(1, () => {}, {
    ...{ server, jobs: [job], latencyMs: roundTripMs / 2, diskMs: 0.5, readMs },
  });
  world.server.start(server);
  const [client] = world.clients;
  client?.start();
  let held = 0;
  while (client?.result === null && world.clock.step()) {
    world.server.check();
    held = Math.max(held, world.server.office.held / chunkBytes);
  }
  expect(client?.result).toMatchObject({ type: "finished" });
  return { ms: world.clock.now(), held };
}

const near = upload(1, true, { longQueue: 128 });

test.each([25, 100, 200])(
  "over a line of %p ms a file is as fast as its source, but for five round trips: two of them the approval and the confirmation",
  (roundTripMs) => {
    const far = upload(roundTripMs, true, { longQueue: 128 });
    expect(far.ms - near.ms).toBeLessThan(5 * roundTripMs);
    // What fills the line twice, and half the usual window.
    expect(far.held).toBeLessThan(maxQueue + (3 * roundTripMs) / readMs);
  },
);

test("on a short line it has the usual window", () => {
  expect(near.held).toBe(maxQueue);
});

test("a stream is so as well, as far as its client keeps it", () => {
  const far = upload(100, false, { longQueue: 128 });
  expect(far.ms - near.ms).toBeLessThan(5 * 100);
});

test("with the usual window alone it takes a window in each round trip", () => {
  expect(upload(200, true, {}).ms).toBeGreaterThan(2 * near.ms);
});

test("a small budget is what it may have under way at most", () => {
  const { held } = upload(200, true, { longQueue: 128, capacity: 20 });
  expect(held).toBeLessThanOrEqual(20);
});
