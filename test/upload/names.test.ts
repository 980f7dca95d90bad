// Which names may become files, and which two count as one.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { foldName } from "../../src/base/file-name.ts";
import { nameFault, nameFaultOf, namesClash, numberedName, occupiedNames } from "../../src/upload/names.ts";

describe("names that every system can store are accepted", () => {
  const names = [
    "run 1.raw",
    "a",
    "\u00fcml\u00e4ut.mzML",
    "\u6d4b\u8bd5.tar.gz",
    "\u{1f9ec}.fasta",
    "a.sha256",
    "~$doc.xlsx",
    "console.txt",
    "com10.txt",
    "com.txt",
    "nul-1",
    "x".repeat(240),
    "\u00e9".repeat(120),
    "%n$(rm)`x`;&'!{}[]#=+,@^",
    // Joiners and variants are how these are written.
    "\u{1f469}\u200d\u{1f52c} \u2764\ufe0f.raw",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.raw",
    "\u845b\u{e0100}.raw",
  ];
  test.each(names)("%p", (name) => {
    expect(nameFault(name)).toBeNull();
  });
});

describe("names that some system cannot store, or that climb out, are refused with the reason", () => {
  const names: readonly (readonly [string, string])[] = [
    ["", "is empty"],
    [".", "starts with a dot"],
    ["..", "starts with a dot"],
    [".bashrc", "starts with a dot"],
    ["../a", "starts with a dot"],
    ["a/b", 'contains "/"'],
    ["a\\b", 'contains "\\"'],
    ["C:x", 'contains ":"'],
    ["a<b", 'contains "<"'],
    ['a"b', "contains a double quote"],
    ["a|b", 'contains "|"'],
    ["a?b", 'contains "?"'],
    ["a*b", 'contains "*"'],
    ["a\u0000b", "contains the control character U+0000"],
    ["a\nb", "contains the control character U+000A"],
    ["a\u007fb", "contains the control character U+007F"],
    ["a\u0085b", "contains the control character U+0085"],
    ["a\u202eb", "contains the control character U+202E"],
    ["a\u2028b", "contains the control character U+2028"],
    ...["\u200b", "\u00ad", "\ufeff", "\u3164", "\u2060", "\u2800", "\u{e0041}", "\u034f"].map(
      (it): [string, string] => {
        const code = it.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
        return [`a${it}b`, `contains the invisible character U+${code}`];
      },
    ),
    ["\u00a0a", "starts with a space"],
    ["a\u3000", "ends with a space"],
    ["-rf", 'starts with "-"'],
    ["-", 'starts with "-"'],
    [" a", "starts with a space"],
    ["a ", "ends with a space"],
    ["a.", "ends with a dot"],
    ["a\ud800b", "is not valid Unicode"],
    ["CON", "is reserved by Windows"],
    ["nul.tar.gz", "is reserved by Windows"],
    ["AUX .txt", "is reserved by Windows"],
    ["com1", "is reserved by Windows"],
    ["LPT\u00b9.raw", "is reserved by Windows"],
    ["conin$", "is reserved by Windows"],
    ["x".repeat(241), "is 241 bytes long, expected at most 240"],
    ["\u00e9".repeat(121), "is 242 bytes long, expected at most 240"],
  ];
  test.each(names)("%p", (name, reason) => {
    expect(nameFault(name)).toBe(`The file name ${reason}`);
  });
});

test("whatever is accepted stays inside its folder, on every system", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (name) => {
      if (nameFault(name) !== null) return;
      expect(name).not.toMatch(/^\.|[/\\:\0]|[. ]$/);
      expect(Buffer.from(name).toString()).toBe(name);
      expect(Buffer.byteLength(`${name}.meta.json`)).toBeLessThanOrEqual(255);
    }),
    { numRuns: 2000 },
  );
});

test("folding forgets case and Unicode form, for every character", () => {
  // Beyond these planes there are only ideographs and characters without case.
  for (let codePoint = 0; codePoint < 0x20000; codePoint++) {
    if (codePoint >= 0xd800 && codePoint < 0xe000) continue;
    const character = String.fromCodePoint(codePoint);
    const folded = foldName(character);
    const same = [folded, character.toUpperCase(), character.toLowerCase(), character.normalize("NFD")];
    for (const other of same) if (foldName(other) !== folded) throw new Error(`U+${codePoint.toString(16)}`);
  }
});

test("two names clash exactly when their files would meet", () => {
  const name = fc.constantFrom(
    "a",
    "A",
    "a.sha256",
    "a.meta.json",
    "A.SHA256",
    "b",
    "a.sha256.sha256",
    "a.sha",
  );
  fc.assert(
    fc.property(name, name, (one, other) => {
      const files = (text: string) =>
        [text, `${text}.sha256`, `${text}.meta.json`].map((file) => file.toLowerCase());
      const meet = files(one).some((file) => files(other).includes(file));
      expect(namesClash(one, other)).toBe(meet);
      expect(namesClash(other, one)).toBe(meet);
    }),
  );
  expect(occupiedNames("A")).toEqual(["a", "a.sha256", "a.meta.json"]);
});

test.each([
  ["run.raw", "run-2.raw"],
  ["a.tar.gz", "a-2.tar.gz"],
  ["x.ome.tiff", "x-2.ome.tiff"],
  ["run.d", "run-2.d"],
  ["none", "none-2"],
  ["b.notanendingofanyfile", "b.notanendingofanyfile-2"],
])("%s with a number is %s", (name, numbered) => {
  expect(numberedName(name, 2)).toBe(numbered);
});

test("Linux can store more names than every system can, and no name that is hidden or leads elsewhere", () => {
  for (const name of ["12:00.raw", "a<b>|c", "con", "-x", "a ", "a\nb"]) {
    expect(nameFaultOf(name, "portable")).not.toBeNull();
    expect(nameFaultOf(name, "posix")).toBeNull();
  }
  for (const name of ["", ".", "..", ".a", "a/b", "a\0b", "\ud800", "é".repeat(121)])
    expect(nameFaultOf(name, "posix")).not.toBeNull();
});
