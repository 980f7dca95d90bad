import { expect, test } from "bun:test";
import fc from "fast-check";
import { pauseAfter } from "../../src/watch/pace.ts";

const cpuMs = fc.double({ min: 0, max: 20_000, noNaN: true });

test("looks take less than 1 % of a core, whatever one costs", () => {
  fc.assert(
    fc.property(cpuMs, (cost) => {
      const pauseMs = pauseAfter({ cpuMs: cost, wallMs: cost }, 60_000, false);
      expect(cost / (cost + pauseMs)).toBeLessThan(0.01);
    }),
  );
});

test("and not more than 1 % while entries become quiet, with the usual --settle", () => {
  fc.assert(
    fc.property(cpuMs, (cost) => {
      const pauseMs = pauseAfter({ cpuMs: cost, wallMs: cost }, 60_000, true);
      expect(cost / (cost + pauseMs)).toBeLessThan(0.0101);
    }),
  );
});

test("what has to be quiet for a second is looked at five times in it, as long as that is little work", () => {
  expect(pauseAfter({ cpuMs: 5, wallMs: 5 }, 1000, true)).toBe(200);
  expect(pauseAfter({ cpuMs: 5, wallMs: 500 }, 1000, true)).toBe(1000);
});
