import { expect, test } from "bun:test";
import fc from "fast-check";
import { Names } from "../../src/watch/folder/names.ts";

test.each([0, 1, 5, 1023, 1024, 3000])("%d names come as they were given, again and again", (count) => {
  const [character] = [fc.constantFrom(..."ab.é\u{1f600}\u{10fe80}")];
  const names = fc.sample(
    fc.array(character, { minLength: 1, maxLength: 5 }).map((all) => all.join("")),
    { numRuns: Math.max(1, count), seed: 1 },
  );
  const all = names.slice(0, count);
  const kept = new Names([...all]);
  expect([...kept]).toEqual(all);
  expect(kept.list).toEqual(all);
  expect(kept.list).toBe(kept.list);
  expect([...kept]).toEqual(all);
  expect(kept.count).toBe(count);
});
