// What is bounded by letting go of what came first.

import { expect, test } from "bun:test";
import { dropOldest } from "../../src/base/drop-oldest.ts";

test("what was put there first goes, and no more than has to", () => {
  const [set, map] = [new Set([1, 2, 3, 4]), new Map(Object.entries({ a: 1, b: 2, c: 3 }))];
  dropOldest(set, 2);
  dropOldest(map, 3);
  expect([[...set], [...map.keys()]]).toEqual([
    [3, 4],
    ["a", "b", "c"],
  ]);
  dropOldest(map, 0);
  expect(map.size).toBe(0);
});
