// Numbers in metadata: what a double cannot hold is found, everything else is left alone.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeClientMessage } from "../../src/protocol/decode.ts";
import { inexactNumbers } from "../../src/protocol/exact-numbers.ts";

test.each([
  ["12345678901234567890", true],
  ["9007199254740993", true],
  ["9007199254740992", false],
  ["0.1", false],
  ["1.10", false],
  ["1e2", false],
  ["-0", false],
  ["0.1234567890123456789", true],
  ["1e999", true],
  ["1000000000000000000000000", false],
  ["1E-7", false],
] as const)("inexactNumbers() sees whether %s survives: %p", (source, isInexact) => {
  expect(inexactNumbers(`{"a":[1,{"b":${source}}]}`)).toEqual(isInexact ? [{ name: "b", source }] : []);
});

test("inexactNumbers() finds nothing in what JSON.stringify wrote", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => inexactNumbers(JSON.stringify(value)).length === 0));
});

test("decodeClientMessage() refuses metadata whose numbers would change, naming them", () => {
  const frames = ["post-file", "\0\0\0\0", "a.raw", '{"run":12345678901234567890}'].map((text) =>
    Buffer.from(text),
  );
  expect(decodeClientMessage(frames)).toEqual({
    ok: false,
    code: 422,
    text: "Metadata has numbers that cannot be stored exactly, send them as text: run (12345678901234567890)",
  });
});
