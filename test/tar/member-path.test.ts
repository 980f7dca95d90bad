// Which paths a dataset may have, which a bag may, and what is junk.

import { expect, test } from "bun:test";
import { bagFault, foldersOf, foldPath, isJunk, pathFault } from "../../src/tar/member-path.ts";

test.each([
  ["", "is empty"],
  ["/etc/passwd", "is absolute"],
  ["a//b", "has an empty name in it"],
  ["a/", "has an empty name in it"],
  [".", "is the folder itself"],
  ["a/./b", 'has "." in it, which is the folder itself'],
  ["..", "leads out of its folder"],
  ["a/../../b", 'has ".." in it, which leads out of its folder'],
  ["C:/a", 'has "C:" in it, which contains ":"'],
  ["a\\b", 'contains "\\"'],
  ["a/con.txt/b", 'has "con.txt" in it, which is reserved by Windows'],
  ["a/b ", 'has "b " in it, which ends with a space'],
  ["a/b.", 'has "b." in it, which ends with a dot'],
  ["a/-rf", 'has "-rf" in it, which starts with "-"'],
  ["a/b\u0007", 'has "b\\u0007" in it, which contains the control character U+0007'],
  ["a/b\u{10feff}", 'has "b\u{10feff}" in it, which contains the byte 0xff, which is not valid UTF-8'],
  [
    `a/${"b".repeat(256)}`,
    `has "${"b".repeat(100)}… (156 more characters)" in it, which is 256 bytes long, expected at most 255`,
  ],
  [`${"a/".repeat(64)}b`, "is 65 levels deep, expected at most 64"],
  ["ä".repeat(120).concat("/").repeat(5), "is 1205 bytes long, expected at most 1024"],
])("%p %s", (path, fault) => expect(pathFault(path)).toBe(fault));

test.each(["a", "a/b/c", ".zattrs", "a/.zgroup", "Größe/β.raw", "b".repeat(255), "a b/c d"])(
  "nothing is wrong with %p",
  (path) => expect(pathFault(path)).toBeNull(),
);

test("paths that some file system takes for the same are the same", () => {
  expect(foldPath("Run/Ä.raw")).toBe(foldPath("run/a\u0308.RAW"));
  expect(foldPath("run/a.raw")).not.toBe(foldPath("run/a/raw"));
});

test.each(["100%.raw", "a%0Ab", "a/b\u00a0", "a\tb\t", "a\nb"])("no bag carries %p", (path) =>
  expect(bagFault(path)).not.toBeNull(),
);

test("a bag carries others", () => expect(bagFault("a b/#c ~")).toBeNull());

test.each([
  ".DS_Store",
  "a/._b",
  "Thumbs.db",
  "a/desktop.ini",
  "~$a.docx",
  ".Spotlight-V100/x/y",
  "@eaDir/a",
])("%p is junk", (path) => expect(isJunk(path)).toBe(true));

test.each(["a/thumbs.dbx", "DS_Store", "a~$", ".zattrs", "a._b"])("%p is none", (path) =>
  expect(isJunk(path)).toBe(false),
);

test("the folders on the way to a path come from the outermost on", () => {
  expect(foldersOf("a/b/c")).toEqual(["a", "a/b"]);
  expect(foldersOf("a")).toEqual([]);
});
