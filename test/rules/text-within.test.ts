// What spares looking at names must never leave out one that fits.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { namePattern, textWithin } from "../../src/rules/linear-pattern.ts";

test.each([
  ["*.raw", ".raw"],
  ["run_??_[ab]_QC*.d", "run_"],
  ["*a\\*b*", "a*b"],
  ["100%_x*", "100%_x"],
  ["*", null],
  ["[abc]?", null],
  ["größe*", "gr"],
  ["sky*", "y"],
  ["/run.*/", null],
])("of %p is %p", (pattern, text) => {
  expect(textWithin(pattern)).toBe(text);
});

test("every name that fits has it, in upper or lower case", () => {
  const parts = fc.constantFrom(
    "*",
    "?",
    "[ab]",
    "[!x]",
    "\\*",
    "\\s",
    "a",
    "K",
    "s",
    "ſ",
    "\u212a",
    "é",
    "É",
    "%",
    "_",
    ".",
  );
  const globs = fc.array(parts, { minLength: 1, maxLength: 8 }).map((it) => it.join(""));
  const characters = fc.constantFrom(
    "a",
    "A",
    "b",
    "k",
    "K",
    "\u212a",
    "s",
    "ſ",
    "é",
    "É",
    "%",
    "_",
    ".",
    "*",
    "x",
  );
  const names = fc.array(characters, { maxLength: 8 }).map((it) => it.join(""));
  fc.assert(
    fc.property(globs, names, (glob, name) => {
      const text = textWithin(glob);
      if (text === null || !namePattern(glob, true)(name)) return;
      expect(name.toLowerCase()).toContain(text.toLowerCase());
    }),
    { numRuns: 20_000 },
  );
});
