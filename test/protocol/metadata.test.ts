// What metadata must be, and when two of them say the same.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkMetadata, equalJson } from "../../src/protocol/metadata.ts";

test("an object with a member is accepted as it is", () => {
  const metadata = { sample: "FOO", nested: { list: [1, null, true] } };
  expect(checkMetadata(metadata)).toEqual({ ok: true, metadata });
});

test.each([
  [{}, "Metadata has no member, at least one is required"],
  [[], "Metadata is no JSON object"],
  [null, "Metadata is no JSON object"],
  ["text", "Metadata is no JSON object"],
  [{ _dync: 1 }, "Metadata field _dync is reserved, choose another name"],
  [
    JSON.parse('{"a":1e999,"b":[{"c":-1e999}],"_dync":{}}'),
    "Metadata field _dync is reserved, choose another name; " +
      "Metadata field a is a number too large to be stored, send it as text; " +
      "Metadata field b.0.c is a number too large to be stored, send it as text",
  ],
])("%j is rejected, and every fault named", (json, text) => {
  expect(checkMetadata(json)).toEqual({ ok: false, code: 422, text });
});

describe("equality", () => {
  test("does not depend on the order of members", () => {
    expect(equalJson({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 })).toBe(true);
  });

  test.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: 1, b: 1 }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: [] }, { a: {} }],
    [{ a: null }, { a: {} }],
    [{ a: 1 }, { b: 1 }],
    [{ a: "1" }, { a: 1 }],
  ])("tells %j from %j", (one, other) => {
    expect(equalJson(one, other)).toBe(false);
  });

  test("survives being written and read", () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => equalJson(json, JSON.parse(JSON.stringify(json)))));
  });
});
