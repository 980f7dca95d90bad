// An urgent upload of 100 MB beside eight of 10 GB of other users, on the server's real credit office, in virtual time. Each
// client has a line of 1 Gbit/s (17 ms for 2 MiB); the disk that all share writes 350 MB/s (6 ms). What the others had under way
// when it came, 16 chunks, is written before: of an upload that is as fast as that disk it is a third, whatever becomes of credit.

import { describe, expect, test } from "bun:test";
import { runUrgent, type UrgentCase } from "./urgent-world.ts";

const lab: UrgentCase = {
  seed: 1,
  others: 8,
  othersPriority: "normal",
  priority: "high",
  latencyMs: 0.1,
  diskMs: 6,
  readMs: 17,
};
const places = [0.1, 1, 5, 25].map((latencyMs) => ({ latencyMs }));
const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
/** On average of all seeds. */
const meanTimes = (about: UrgentCase): number =>
  seeds.reduce((sum, seed) => sum + times(runUrgent({ ...about, seed })), 0) / seeds.length;
const times = ({ besideMs, aloneMs }: { readonly besideMs: number; readonly aloneMs: number }): number =>
  besideMs / aloneMs;

describe("an upload that is more urgent than all others", () => {
  test.each(places)("takes at most 1.5 times as long as alone, and nobody starves: %j", (place) => {
    for (const seed of seeds) {
      const run = runUrgent({ ...lab, ...place, seed });
      expect(times(run)).toBeLessThanOrEqual(1.5);
      expect(Math.min(...run.chunksOfOthers)).toBeGreaterThan(0);
    }
  });

  test("takes longer where it is not more urgent", () => {
    expect(meanTimes({ ...lab, priority: "normal" })).toBeGreaterThan(1.5);
    expect(meanTimes({ ...lab, othersPriority: "high" })).toBeGreaterThan(1.5);
  });

  test("has less stored before it where the server knows that such may come", () => {
    for (const place of [{}, { readMs: 0.5, latencyMs: 2 }, { readMs: 4, latencyMs: 1 }]) {
      const before = (mayHurry: boolean): number =>
        seeds
          .flatMap(
            (seed) =>
              runUrgent({ ...lab, ...place, seed, server: { mayHurry: () => mayHurry } }).chunksOfOthers,
          )
          .reduce((sum, chunks) => sum + chunks, 0);
      expect(before(true)).toBeLessThan(0.75 * before(false));
    }
  });

  test("is a usual one beside those that are less urgent than usual", () => {
    expect(meanTimes({ ...lab, priority: "normal", othersPriority: "low" })).toBeLessThan(1.3);
  });

  test("has three quarters of a server that it could use alone, once what was under way before is stored", () => {
    // The others have one chunk each to be stored first.
    const server = { maxQueue: 1, capacity: 128 };
    const run = runUrgent({ ...lab, readMs: 0.5, latencyMs: 2, server });
    expect(times(run)).toBeLessThanOrEqual(4 / 3);
  });
});

test("one that is less urgent than others gets on beside them", () => {
  const run = runUrgent({ ...lab, others: 3, priority: "low" });
  expect(run.besideMs).toBeLessThan(60_000);
});
