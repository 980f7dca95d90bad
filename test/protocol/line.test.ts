// How many chunks fill the line of an upload.

import { describe, expect, test } from "bun:test";
import { Line } from "../../src/protocol/server/line.ts";

const least = 8;

interface Sending {
  readonly roundTripMs: number;
  readonly chunksPerMs: number;
  readonly from?: number;
  readonly forMs: number;
}

/** An upload over a line that takes `chunksPerMs` at most, for so many ms; what arrives is stored at once. Returns its windows over time. */
function windows(line: Line, { roundTripMs, chunksPerMs, from = 0, forMs }: Sending): readonly number[] {
  const tellings: { at: number; amount: number }[] = [];
  const seen: number[] = [];
  let [outstanding, unused, nextAt, window] = [0, 0, from, least];
  for (let now = from; now < from + forMs; now += 1) {
    while (tellings[0] !== undefined && tellings[0].at + roundTripMs <= now)
      unused += tellings.shift()?.amount ?? 0;
    while (unused > 0 && nextAt <= now) {
      unused -= 1;
      outstanding -= 1;
      nextAt = Math.max(nextAt, now - 1) + 1 / chunksPerMs;
      line.used(now);
    }
    window = line.window(least);
    if (outstanding <= window / 2) {
      const amount = Math.floor(window) - outstanding;
      line.told(amount, outstanding, now);
      outstanding += amount;
      tellings.push({ at: now, amount });
    }
    seen.push(window);
  }
  return seen;
}

describe("the window", () => {
  test("of a short line stays as it is", () => {
    expect(Math.max(...windows(new Line(), { roundTripMs: 1, chunksPerMs: 0.2, forMs: 5000 }))).toBe(least);
  });

  test.each([
    [25, 0.2],
    [100, 0.2],
    [200, 0.2],
    [200, 0.6],
    [50, 2],
  ])(
    "of a line of %p ms that bears %p chunks a ms opens to what it takes in a round trip, and no more than that calls for",
    (roundTripMs, chunksPerMs) => {
      const seen = windows(new Line(), { roundTripMs, chunksPerMs, forMs: 60_000 });
      const filling = roundTripMs * chunksPerMs;
      const settled = seen.slice(3000 + 10 * roundTripMs);
      expect(Math.min(...settled)).toBeGreaterThanOrEqual(Math.min(least, filling) + filling);
      expect(Math.max(...settled)).toBeLessThanOrEqual(least + 3 * filling);
    },
  );

  test("opens within four round trips, from 3 chunks to 150", () => {
    const seen = windows(new Line(), { roundTripMs: 200, chunksPerMs: 0.5, forMs: 5000 });
    expect(seen.findIndex((window) => window >= 150)).toBeLessThan(4 * 200);
  });

  test("opens no further in the beginning than is worth it by how fast chunks come", () => {
    const seen = windows(new Line(), { roundTripMs: 200, chunksPerMs: 0.05, forMs: 5000 });
    expect(Math.max(...seen)).toBeLessThanOrEqual(least + 3 * 200 * 0.05);
  });

  test("of a source whose chunks come eight at once is what comes in a round trip, once that grows no more", () => {
    const line = new Line();
    line.told(8, 0, 0);
    for (let now = 200; now < 10_000; now += 400) {
      for (let count = 0; count < 8; count += 1) line.used(now);
      line.told(8, 0, now);
    }
    expect(line.window(least)).toBeLessThanOrEqual(least + 3 * 8);
  });

  test("opens as fast for a client that comes back", () => {
    const line = new Line();
    const sending = { roundTripMs: 200, chunksPerMs: 0.5 };
    windows(line, { ...sending, forMs: 3000 });
    line.gone(3000);
    // For two seconds what comes may have been sent before.
    windows(line, { ...sending, from: 3000, forMs: 2000 });
    const seen = windows(line, { ...sending, from: 5000, forMs: 3000 });
    expect(seen[0]).toBe(least);
    expect(seen.findIndex((window) => window >= 150)).toBeLessThan(4 * 200);
  });

  test("stays as it is without a measurement", () => {
    const line = new Line();
    for (let now = 0; now < 10_000; now += 10) line.used(now);
    expect(line.window(least)).toBe(least);
  });

  test("does not go by chunks that were sent for credit which was taken back since", () => {
    const line = new Line();
    line.unclear(1000);
    line.told(4, 0, 1001);
    line.used(1002);
    for (let now = 1003; now < 1200; now += 1) line.used(now);
    expect(line.window(least)).toBe(least);
    // Later ones count.
    line.told(300, 0, 4000);
    for (let now = 4100; now < 4400; now += 1) line.used(now);
    expect(line.window(least)).toBeGreaterThan(150);
  });

  test("is a short line's again for a client whose connection is gone", () => {
    const line = new Line();
    windows(line, { roundTripMs: 100, chunksPerMs: 1, forMs: 3000 });
    expect(line.window(least)).toBeGreaterThan(100);
    line.gone(3000);
    expect(line.window(least)).toBe(least);
  });
});
