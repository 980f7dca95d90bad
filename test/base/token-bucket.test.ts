// What was taken never runs ahead of the rate by more than the bucket holds.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { TokenBucket } from "../../src/base/token-bucket.ts";

test("what is in it is free, the rest is waited for", () => {
  const bucket = new TokenBucket(100, 50);
  expect(bucket.take(50, 1000)).toBe(0);
  expect(bucket.take(10, 1000)).toBe(100);
  expect(bucket.take(10, 1100)).toBe(100);
  // A second later there is no more than it holds.
  expect(bucket.take(50, 9000)).toBe(0);
  expect(bucket.take(100, 9000)).toBe(1000);
});

test("who waits as told never uses more than the rate, and who is slower waits for nothing", () => {
  const amounts = fc.array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.nat(2000)), {
    minLength: 1,
    maxLength: 50,
  });
  fc.assert(
    fc.property(
      amounts,
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 500 }),
      (all, rate, burst) => {
        const bucket = new TokenBucket(rate, burst);
        let now = 5000;
        let taken = 0;
        for (const [amount, pauseMs] of all) {
          now += pauseMs + bucket.take(amount, now + pauseMs);
          taken += amount;
          expect(taken).toBeLessThanOrEqual(burst + (rate * (now - 5000)) / 1000 + 1e-6);
        }
      },
    ),
  );
});

test("a clock that stands still, or goes back, gives nothing", () => {
  const bucket = new TokenBucket(10, 10);
  expect(bucket.take(10, 1000)).toBe(0);
  expect(bucket.take(1, 500)).toBe(100);
  expect(bucket.take(1, 500)).toBe(200);
});
