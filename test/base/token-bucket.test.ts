// What was taken never runs ahead of the rate by more than the bucket holds.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { TokenBucket } from "../../src/base/token-bucket.ts";
import { TokenBuckets } from "../../src/base/token-buckets.ts";

test("what is in it is free, the rest is waited for", () => {
  const bucket = new TokenBucket(100, 50);
  expect(bucket.take(50, 1000)).toBe(0);
  expect(bucket.take(10, 1000)).toBe(100);
  expect(bucket.take(10, 1100)).toBe(100);
  // A second later there is no more than it holds.
  expect(bucket.take(50, 9000)).toBe(0);
  expect(bucket.take(100, 9000)).toBe(1000);
});

test("what is not in it is not taken, and costs nothing", () => {
  const bucket = new TokenBucket(0.5, 2);
  expect([1, 2, 3].map(() => bucket.tryTake(1, 1000))).toEqual([true, true, false]);
  expect([2999, 3000, 3001].map((now) => bucket.tryTake(1, now))).toEqual([false, true, false]);
  expect([6999, 7000].map((now) => bucket.isFull(now))).toEqual([false, true]);
});

test("each has one of its own, which is remembered until it is full", () => {
  const buckets = new TokenBuckets(1, 2);
  expect(buckets.of("a", 0).take(4, 0)).toBe(2000);
  expect(buckets.of("b", 0).tryTake(1, 0)).toBe(true);
  expect(buckets.of("c", 3999).tryTake(2, 3999)).toBe(true);
  expect(buckets.size).toBe(3);
  expect(buckets.of("c", 4000).tryTake(1, 4000)).toBe(false);
  expect(buckets.size).toBe(1);
  expect(buckets.of("a", 4000).isFull(4000)).toBe(true);
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
