// What one lost message costs, for each message of an upload in turn, on a line with 200 ms delay each way.

import { describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import { Pair } from "./pair.ts";
import type { PairOptions } from "./pair-options.ts";

const latencyMs = 200;
const roundTripMs = 2 * latencyMs;
/** Reads and writes of the rig. */
const slackMs = 20;

const shapes = {
  "a window that never fills the line": { size: 200, chunkBytes: 10, maxQueue: 4, capacity: 16 },
  "a window of one chunk": { size: 50, chunkBytes: 10, maxQueue: 1, capacity: 16 },
  "a window wider than the file": { size: 50, chunkBytes: 10, maxQueue: 64, capacity: 64 },
  "an empty file": { size: 0, chunkBytes: 10, maxQueue: 4, capacity: 4 },
};

function run(shape: (typeof shapes)[keyof typeof shapes], lostMessage = -1): Pair {
  const faults = { loss: 0, cut: 0, rewind: 0, restart: 0, reclaim: 0 };
  const options: PairOptions = {
    ...shape,
    canSeek: true,
    announced: true,
    random: () => 0,
    faults,
    latencyMs,
    lostMessage,
  };
  const pair = new Pair(options);
  expect(pair.run(0, 10_000)).toBe(true);
  expect(pair.result?.type).toBe("finished");
  return pair;
}

describe.each(Object.entries(shapes))("%s", (_, shape) => {
  const whole = run(shape);
  const { messages } = whole;
  const costs = messages.map((type, index) => ({
    type,
    ms: run(shape, index).durationMs - whole.durationMs,
  }));

  test("a lost chunk costs one round trip, the last one as well", () => {
    const chunks = costs.filter(({ type }) => type === "post-chunk");
    expect(chunks.length).toBe(shape.size / shape.chunkBytes + 1);
    for (const { ms } of chunks) expect(ms).toBeLessThanOrEqual(roundTripMs + slackMs);
  });

  test("lost credit costs one round trip", () => {
    for (const { type, ms } of costs) {
      if (type === "transfer-credit") expect(ms).toBeLessThanOrEqual(roundTripMs + slackMs);
    }
  });

  test("a lost answer is asked for again when it is overdue", () => {
    const patienceMs = 3 * roundTripMs;
    for (const { type, ms } of costs) {
      if (type === "query-status" || type === "status-report" || type === "upload-finished") {
        expect(ms).toBeLessThanOrEqual(patienceMs + roundTripMs + slackMs);
      } else if (type === "post-file" || type === "upload-approved") {
        // There was no round trip yet whose time could be known.
        expect(ms).toBeLessThanOrEqual(limits.askMsMax);
      }
    }
  });

  test("no byte is sent twice but those under way when a chunk got lost", () => {
    messages.forEach((type, index) => {
      const twice = run(shape, index).chunkBytesSent - shape.size;
      expect(twice).toBeLessThanOrEqual(type === "post-chunk" ? shape.maxQueue * shape.chunkBytes : 0);
    });
  });
});
