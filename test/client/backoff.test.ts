// How long the pauses between connections are.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Backoff } from "../../src/client/backoff.ts";

const minuteMs = 60_000;

test("a network that is back within minutes is noticed within two seconds", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(random, fc.array(fc.nat(5 * minuteMs - 1), { maxLength: 50 }), (number, outages) => {
      const backoff = new Backoff(() => number);
      for (const outageMs of outages.sort((a, b) => a - b)) {
        const pause = backoff.afterFailure(outageMs);
        expect(pause).toBeGreaterThan(0);
        expect(pause).toBeLessThan(2000);
      }
    }),
  );
});

test("the first try again comes almost at once, also after each time that the connection worked", () => {
  const backoff = new Backoff(() => 0.5);
  expect([backoff.afterFailure(0), backoff.afterFailure(100)]).toEqual([100, 500]);
  backoff.reset();
  expect(backoff.afterFailure(0)).toBe(100);
});

test("after a long outage pauses grow with it, up to half a minute", () => {
  const backoff = new Backoff(() => 0.5);
  backoff.afterFailure(0);
  const minutes = [5, 6, 7, 8, 9, 10, 60, 1440];
  const pauses = minutes.map((minute) => backoff.afterFailure(minute * minuteMs));
  expect(pauses).toEqual([500, 6500, 12_500, 18_500, 24_500, 30_000, 30_000, 30_000]);
});

test("a server that says later is asked at growing intervals, until it says something else", () => {
  const backoff = new Backoff(() => 0.5);
  const pauses = Array.from({ length: 7 }, () => backoff.afterLater());
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  // That the connection works again is no reason to hurry: the server is there, and busy.
  backoff.reset();
  expect(backoff.afterLater()).toBe(30_000);
  backoff.resetLater();
  expect(backoff.afterLater()).toBe(1000);
});

test("a hundred clients that lost one server do not come back in the same instant", () => {
  const pauses = Array.from({ length: 100 }, (_, index) => {
    const backoff = new Backoff(() => index / 100);
    backoff.afterFailure(0);
    return backoff.afterFailure(1000);
  });
  expect(new Set(pauses).size).toBe(100);
  expect(Math.max(...pauses) - Math.min(...pauses)).toBeGreaterThan(225);
});
