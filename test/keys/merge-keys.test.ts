// Key files that several servers share: what each gives and takes.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type KeyTexts, mergeKeys } from "../../src/keys/merge-keys.ts";

const of = (texts: Record<string, string>): KeyTexts => new Map(Object.entries(texts));

test.each([
  ["added here is given", {}, { a: "1" }, {}, { a: "1" }],
  ["added there is taken", {}, {}, { a: "1" }, { a: "1" }],
  ["removed here is removed there", { a: "1" }, {}, { a: "1" }, {}],
  ["removed there is removed here", { a: "1" }, { a: "1" }, {}, {}],
  ["changed here is given", { a: "1" }, { a: "2" }, { a: "1" }, { a: "2" }],
  ["changed there is taken", { a: "1" }, { a: "1" }, { a: "2" }, { a: "2" }],
  ["changed on both sides is what is shared", { a: "1" }, { a: "2" }, { a: "3" }, { a: "3" }],
  ["added on both sides is what is shared", {}, { a: "2" }, { a: "3" }, { a: "3" }],
  ["removed on one side stays so, whatever the other one made of it", { a: "1" }, {}, { a: "2" }, {}],
  ["and the other way round", { a: "1" }, { a: "2" }, {}, {}],
  ["the same is the same", { a: "1" }, { a: "1" }, { a: "1" }, { a: "1" }],
] as const)("what is %s", (_what, same, own, shared, result) => {
  expect(mergeKeys(of(same), of(own), of(shared)).same).toEqual(of(result));
});

const files = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2", "3")).map(of);

function applied(texts: KeyTexts, write: KeyTexts, remove: readonly string[]): KeyTexts {
  const all = new Map([...texts, ...write]);
  for (const name of remove) expect(all.delete(name)).toBe(true);
  return all;
}

test("behind it both sides are the same, and nothing is left to do", () => {
  fc.assert(
    fc.property(files, files, files, (same, own, shared) => {
      const merge = mergeKeys(same, own, shared);
      expect(applied(own, merge.write, merge.remove)).toEqual(merge.same);
      expect(applied(shared, merge.share, merge.unshare)).toEqual(merge.same);
      const again = mergeKeys(merge.same, merge.same, merge.same);
      expect([again.write.size, again.remove, again.share.size, again.unshare]).toEqual([0, [], 0, []]);
    }),
  );
});
