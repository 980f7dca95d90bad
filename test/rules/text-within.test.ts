// What spares looking at names must never leave out one that fits.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { linearPattern, namePattern, textWithin } from "../../src/rules/linear-pattern.ts";

test.each([
  ["*.raw", ".raw"],
  ["run_??_[ab]_QC*.d", "run_"],
  ["*a\\*b*", "a*b"],
  ["100%_x*", "100%_x"],
  ["*", null],
  ["[abc]?", null],
  ["größe*", "gr"],
  ["sky*", "y"],
  ["/.*/", null],
  ["/run.*/", "run"],
  ["/^run_[0-9]+\\.raw$/", "run_"],
  ["/^QC_\\d{4}/", "QC_"],
  ["/ab?cd/", "cd"],
  ["/abc{0,2}de/", "ab"],
  ["/ab+c/", "ab"],
  ["/(abcd)ef/", "ef"],
  ["/((ab)cd)*ef/", "ef"],
  ["/abc|de/", null],
  ["/(?i)abc/", null],
  ["/[abc]]de/", "de"],
  ["/[]abc]de/", "de"],
  ["/[^]a\\]bc]de/", "de"],
  ["/\\x41bc/", null],
  ["/a\\.b/", "a.b"],
])("of %p is %p", (pattern, text) => {
  expect(textWithin(pattern)).toBe(text);
});

const letters = ["a", "A", "b", "k", "K", "\u212a", "s", "ſ", "é", "É", "%", "_", ".", "*", "x"];
const names = fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((it) => it.join(""));

/** Patterns of these parts, of which some may be none. */
function patternsOf(...parts: readonly string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 8 }).map((it) => it.join(""));
}

/** Checks it of a name that fits, by the matcher of which nothing is spared. */
function expectWithin(pattern: string, source: string, name: string): void {
  const text = textWithin(pattern);
  if (text === null) return;
  try {
    if (!linearPattern(source)(name)) return;
  } catch {
    return;
  }
  expect({ pattern, name: name.toLowerCase() }).toEqual({
    pattern,
    name: expect.stringContaining(text.toLowerCase()),
  });
  expect({ pattern, name, fits: namePattern(pattern, true)(name) }).toEqual({ pattern, name, fits: true });
}

test("every name that fits a glob has it, in upper or lower case", () => {
  const globs = patternsOf(
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
  const sources = new Map([
    ["*", ".*"],
    ["?", "."],
    ["[!x]", "[^x]"],
    ["\\s", "s"],
    [".", "\\."],
  ]);
  const sourceOf = (glob: string) =>
    [...glob.matchAll(/\\.|\[.*?\]|./gu)].map(([part]) => sources.get(part) ?? part).join("");
  fc.assert(
    fc.property(globs, names, (glob, name) => expectWithin(glob, `(?is)^(?:${sourceOf(glob)})$`, name)),
    { numRuns: 20_000 },
  );
});

test("and so has every name that fits a regular expression", () => {
  const expressions = patternsOf(
    ...[
      "a",
      "b",
      "K",
      "s",
      "é",
      "_",
      "%",
      ".",
      "^",
      "$",
      "*",
      "+",
      "?",
      "{0,1}",
      "{2}",
      "{",
      "}",
      "(",
      ")",
      "[",
      "]",
      "[ab]",
      "[^a]",
    ],
    ...[
      "[]a]",
      "\\.",
      "\\*",
      "\\w",
      "\\D",
      "\\",
      "|",
      "(?:",
      "(?i)",
      "(ab)?",
      "\\x61",
      "[[:alpha:]]",
      "\\Q",
      "\\E",
    ],
  );
  fc.assert(
    fc.property(expressions, names, (it, name) => expectWithin(`/${it}/`, `(?is)${it}`, name)),
    { numRuns: 100_000 },
  );
});
