// Times of the week against a clock that walks through every minute.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { coveredMs, isIn, type WeekSpan } from "../../src/base/week-spans.ts";

const span = fc
  .record({
    days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
    from: fc.integer({ min: 0, max: 1439 }),
    to: fc.integer({ min: 0, max: 1440 }),
  })
  .filter(({ from, to }) => from !== to);

/** Minute by minute. */
function walked(spans: readonly WeekSpan[], from: Date, minutes: number): number {
  let sum = 0;
  for (let minute = 0; minute < minutes; minute++)
    if (spans.some((it) => isIn(it, new Date(from.getTime() + minute * 60_000)))) sum += 60_000;
  return sum;
}

describe("how much of a time lies in times of the week", () => {
  test("is what a walk through every minute finds, also where spans lie over each other", () => {
    fc.assert(
      fc.property(
        fc.array(span, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 400 * 1440 }),
        fc.integer({ min: 0, max: 9 * 1440 }),
        (spans, begin, minutes) => {
          const from = new Date(2026, 0, 1, 0, begin);
          const to = new Date(from.getTime() + minutes * 60_000);
          expect(coveredMs(spans, from, to, Number.POSITIVE_INFINITY)).toBe(walked(spans, from, minutes));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("is looked at no further back than where it is enough", () => {
    const always = [{ days: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1440 }];
    const enough = coveredMs(always, new Date(0), new Date(2026, 5, 1, 12), 3_600_000);
    expect(enough).toBeGreaterThanOrEqual(3_600_000);
    expect(enough).toBeLessThan(3 * 24 * 3_600_000);
  });

  test("of nothing is nothing, and what ends before it begins too", () => {
    expect(coveredMs([], new Date(2026, 0, 1), new Date(2026, 1, 1), 1)).toBe(0);
    const always = [{ days: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1440 }];
    expect(coveredMs(always, new Date(2026, 1, 1), new Date(2026, 0, 1), 1)).toBe(0);
  });
});
