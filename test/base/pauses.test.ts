import { expect, test } from "bun:test";
import { doubled, jittered } from "../../src/base/pauses.ts";

test("pauses double until they are as long as they may be, however often", () => {
  const pauses = { minMs: 1_000, maxMs: 30_000 };
  expect([0, 1, 4, 5, 6, 5_000].map((times) => doubled(pauses, times))).toEqual([
    ...[1_000, 2_000, 16_000],
    ...[30_000, 30_000, 30_000],
  ]);
});

test("jitter is a quarter to either side", () => {
  expect([0, 0.5, 1].map((random) => jittered(1_000, random))).toEqual([750, 1_000, 1_250]);
});
