// Two documents have one digest exactly when they say the same.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { jsonDigest } from "../../src/base/json-digest.ts";
import { sameJson } from "../../src/base/json-text.ts";

test("how a document is written makes no difference", () => {
  const digest = jsonDigest('{"a":1,"b":[true,null,"\\u00e9"]}');
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(jsonDigest(' { "b" : [ true, null, "é" ], "a" : 1.0 } ')).toBe(digest);
  expect(jsonDigest('{"a":1,"b":[null,true,"é"]}')).not.toBe(digest);
});

test("what is no JSON has none", () => {
  for (const text of ["", "{", "{'a':1}", "undefined"]) expect(jsonDigest(text)).toBeNull();
});

test("documents are equal exactly when their digests are", () => {
  const key = fc.constantFrom("a", "b", "", "constructor");
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(0, -0, 1, 1e21, "", "1", "a", true, false, null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(value, value, (one, other) => {
      const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
      expect(jsonDigest(a) === jsonDigest(b)).toBe(sameJson(a, b));
    }),
    { numRuns: 2000 },
  );
});
