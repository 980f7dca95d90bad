// Bytes that may not be UTF-8 as strings that lose nothing.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeLoosely, encodeLoosely, strayByte } from "../../src/base/loose-utf8.ts";

test("text that is UTF-8 is what it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(!/[\u{10fe80}-\u{10feff}]/u.test(text));
      expect(decodeLoosely(new TextEncoder().encode(text))).toBe(text);
    }),
  );
  for (const text of ["\ufeffa", "\ufffd", "🧬\u0000", "\u07ff\uffff"])
    expect(decodeLoosely(Buffer.from(text))).toBe(text);
});

test("any bytes come back", () => {
  const mixed = fc
    .array(
      fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom("ä", "漢", "🧬", "\u{10fe80}").map((it) => Buffer.from(it)),
      ),
    )
    .map((parts) => Uint8Array.from(Buffer.concat(parts)));
  fc.assert(
    fc.property(mixed, (bytes) => {
      expect(encodeLoosely(decodeLoosely(bytes))).toEqual(bytes);
      expect(strayByte(decodeLoosely(bytes)) === null).toBe(
        Buffer.from(bytes).toString() === decodeLoosely(bytes),
      );
    }),
    { numRuns: 2000 },
  );
});

test.each([
  [[0x61, 0xff], "a\u{10feff}"],
  [[0xe4, 0x2e], "\u{10fee4}."],
  // Too long for what it says, half of a pair, beyond Unicode, cut off.
  [[0xc0, 0xaf], "\u{10fec0}\u{10feaf}"],
  [[0xed, 0xa0, 0x80], "\u{10feed}\u{10fea0}\u{10fe80}"],
  [[0xf4, 0x90, 0x80, 0x80], "\u{10fef4}\u{10fe90}\u{10fe80}\u{10fe80}"],
  [[0xf0, 0x9f, 0xa7], "\u{10fef0}\u{10fe9f}\u{10fea7}"],
])("%p is written so that it can be told", (bytes, text) => {
  expect(decodeLoosely(Uint8Array.from(bytes))).toBe(text);
  expect(strayByte(text)).toBe(bytes.find((byte) => byte > 0x7f) as number);
});
