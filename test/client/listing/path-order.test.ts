// The orders of paths, compared with those of bytes.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { compareBytes, compareInDepth } from "../../../src/client/listing/path-order.ts";

const character = fc.constantFrom(..."ab-./0\u00e9\uffee\u{10000}\u{1f600}\u{10fe81}");
const path = fc.array(character, { maxLength: 5 }).map((all) => all.join(""));

test("one is that of UTF-8", () => {
  fc.assert(
    fc.property(path, path, (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("the other has a slash before everything else", () => {
  const low = (text: string): Buffer => Buffer.from(text.replaceAll("/", "\0"));
  fc.assert(
    fc.property(path, path, (a, b) => {
      expect(Math.sign(compareInDepth(a, b))).toBe(Buffer.compare(low(a), low(b)));
    }),
  );
});
