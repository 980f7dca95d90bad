// What metadata must be, and when two of them say the same.

import { expect, test } from "bun:test";
import { decodeClientMessage } from "../../src/protocol/wire/decode.ts";
import { metadataFault, metadataFormFault } from "../../src/protocol/wire/metadata.ts";

test("an object with a member is accepted as it is", () => {
  const text = '{"sample":"FOO","10":{"list":[12345678901234567890,null,1.0]},"2":1e999}';
  expect([metadataFormFault(text), metadataFault(text)]).toEqual([null, null]);
  const frames = ["post-file", "\0\0\0\0", "a.raw", text].map((it) => Buffer.from(it));
  expect(decodeClientMessage(frames)).toMatchObject({ message: { metadataText: text } });
});

test.each([
  ["", "Metadata is empty, wanted a JSON object"],
  ["[]", "Metadata is an array, wanted a JSON object"],
  [" null", "Metadata is null, wanted a JSON object"],
  ['"text"', "Metadata is a string, wanted a JSON object"],
  ['{"a": NaN}', "Metadata is not valid JSON at line 1, column 7: expected a value"],
  [
    '{"a": 1,\n"b": {"c": 1, "c": 2}, "a": 3}',
    "Metadata field b.c is given twice; Metadata field a is given twice",
  ],
  [`{"a":${"[".repeat(64)}${"]".repeat(64)}}`, "Metadata is nested deeper than 64 levels"],
])("%p has not the form", (text, fault) => {
  expect(metadataFormFault(text)).toEqual({ code: 422, text: fault });
});

test.each([
  ["{}", "Metadata has no member, at least one is required"],
  ['{"a": 1, "\\u005fdync": 1}', "Metadata field _dync is reserved, choose another name"],
])("%p is not accepted", (text, fault) => {
  expect(metadataFormFault(text)).toBeNull();
  expect(metadataFault(text)).toEqual({ code: 422, text: fault });
});
