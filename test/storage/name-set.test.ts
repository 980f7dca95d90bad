// The set that knows names again by a number of each.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { NameSet } from "../../src/storage/name-set.ts";
import { heapBytes } from "../support/heap-bytes.ts";

test("has what was put in, and nothing else", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), fc.array(fc.string()), (names, others) => {
      const [set, all] = [new NameSet(names), new Set(names)];
      expect(set.size).toBe(all.size);
      for (const name of [...names, ...others]) expect(set.has(name)).toBe(all.has(name));
    }),
  );
});

test("of 400,000 names that are much alike none is taken for another one", () => {
  const name = (at: number) => `2026-11-28-sample-${at}.raw`;
  const set = new NameSet();
  for (let at = 0; at < 200_000; at++) set.add(name(at));
  for (let at = 0; at < 200_000; at++) set.add(name(at).replaceAll("2", "3"));
  const different = new Set(Array.from({ length: 200_000 }, (_, at) => name(at).replaceAll("2", "3")));
  expect(set.size).toBe(200_000 + different.size);
  for (let at = 200_000; at < 300_000; at++) expect(set.has(name(at))).toBe(false);
});

test("a name takes half of a string at most", () => {
  const names = function* () {
    for (let at = 0; at < 200_000; at++) yield `2026-11-28-sample-${at}.raw`;
  };
  const before = heapBytes();
  const set = new NameSet(names());
  const bytes = (heapBytes() - before) / 200_000;
  expect(set.size).toBe(200_000);
  expect(bytes).toBeLessThan(85);
});
