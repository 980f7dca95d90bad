// An upload over a bad link, many times: whatever is lost, cut, repeated or taken back, an honest client is never
// told that it broke the rules, and the upload ends once the faults stop.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Pair } from "./pair.ts";
import type { Faults } from "./pair-options.ts";

const calm: Faults = { loss: 0, cut: 0, rewind: 0, restart: 0, reclaim: 0 };
const perMille = fc.constantFrom(0, 0, 10, 50, 200);
const faults = fc.record({
  loss: perMille,
  cut: perMille,
  rewind: perMille,
  restart: perMille,
  reclaim: perMille,
});
const shape = fc.record({
  size: fc.integer({ min: 0, max: 400 }),
  chunkBytes: fc.integer({ min: 1, max: 40 }),
  maxQueue: fc.integer({ min: 1, max: 12 }),
  capacity: fc.integer({ min: 1, max: 16 }),
  announced: fc.boolean(),
});

function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test("a file arrives through every mixture of faults", () => {
  fc.assert(
    fc.property(shape, faults, fc.integer(), (options, chosen, seed) => {
      expectArrival(new Pair({ ...options, canSeek: true, faults: chosen, random: generator(seed) }));
    }),
    { numRuns: 500 },
  );
});

test("a stream arrives through losses, cuts and restarts, since the last chunks are kept", () => {
  fc.assert(
    fc.property(shape, faults, fc.integer(), (options, chosen, seed) => {
      expectArrival(new Pair({ ...options, canSeek: false, faults: chosen, random: generator(seed) }));
    }),
    { numRuns: 500 },
  );
});

test.each([false, true])(
  "over a long line as well (the server does not tell what is stored: %p)",
  (isServerOld) => {
    const long = fc.record({
      ...{ size: fc.integer({ min: 100, max: 2000 }), chunkBytes: fc.integer({ min: 1, max: 20 }) },
      ...{ maxQueue: fc.integer({ min: 1, max: 6 }), longQueue: fc.integer({ min: 20, max: 100 }) },
      ...{
        latencyMs: fc.constantFrom(5, 20, 100),
        loss: fc.constantFrom(10, 50, 200),
        restart: fc.constantFrom(0, 10, 50),
      },
    });
    fc.assert(
      fc.property(long, fc.integer(), ({ loss, restart, ...options }, seed) => {
        const rest = { capacity: 200, announced: false, canSeek: false, isServerOld };
        const faults = { ...calm, loss, restart };
        expectArrival(new Pair({ ...options, ...rest, faults, random: generator(seed) }));
      }),
      { numRuns: 500 },
    );
  },
);

test("a report that is lost after a restart does not give its credit twice", () => {
  const faults = { loss: 200, cut: 10, rewind: 50, restart: 50, reclaim: 0 };
  const options = {
    size: 18,
    chunkBytes: 1,
    maxQueue: 6,
    capacity: 6,
    announced: false,
    canSeek: false,
    faults,
  };
  for (const seed of [2_147_483_636, ...Array.from({ length: 500 }, (_, index) => index * 7919)]) {
    expectArrival(new Pair({ ...options, random: generator(seed) }));
  }
});

test("an upload that goes back several times within one round trip stays its client's", () => {
  const options = { size: 60, chunkBytes: 4, maxQueue: 1, capacity: 4, announced: true, canSeek: true };
  const faults = { ...calm, rewind: 200 };
  for (const latencyMs of [5, 15, 40]) {
    for (let seed = 0; seed < 300; seed++) {
      expectArrival(new Pair({ ...options, latencyMs, faults, random: generator(seed) }));
    }
  }
});

test("without faults no byte is sent twice", () => {
  fc.assert(
    fc.property(shape, fc.boolean(), fc.integer(), (options, canSeek, seed) => {
      const pair = new Pair({ ...options, canSeek, faults: calm, random: generator(seed) });
      expect(pair.run(0, 4_000)).toBe(true);
      expect(pair.result?.type).toBe("finished");
      expect(pair.chunkBytesSent).toBe(options.size);
    }),
    { numRuns: 300 },
  );
});

function expectArrival(pair: Pair): void {
  const ended = pair.run(400, 20_000);
  const told = pair.log.slice(-30).map((entry) => JSON.stringify(entry).slice(0, 160));
  if (!ended || pair.result?.type !== "finished") throw new Error(told.join("\n"));
  expect(pair.published).toBe(true);
  expect(pair.serverErrors.filter((code) => code === 400)).toEqual([]);
}
