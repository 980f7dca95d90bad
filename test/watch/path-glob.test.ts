// Globs for paths in what an instrument writes.

import { describe, expect, test } from "bun:test";
import { matcherOf } from "../../src/client/listing/pattern.ts";
import { listingPattern, pathGlob } from "../../src/watch/path-glob.ts";
import { randomFrom } from "../support/instrument/random.ts";

const names = { name: "run [7].wiff", stem: "run [7]" };
const matches = (glob: string, path: string): boolean => pathGlob(glob).of(names)(path);

describe("a glob means", () => {
  test.each([
    ["CopyComplete.txt", "CopyComplete.txt", true],
    ["CopyComplete.txt", "copycomplete.TXT", true],
    ["CopyComplete.txt", "Analysis/1/CopyComplete.txt", false],
    ["CopyComplete.txt", "CopyComplete.txt.tmp", false],
    ["*.txt", "a.txt", true],
    ["*.txt", "a/b.txt", false],
    ["*/b.txt", "a/b.txt", true],
    ["?.txt", "ab.txt", false],
    ["[0-9]_[A-Z][0-9][0-9]", "1_A01", true],
    ["[!0-9]*", "1_A01", false],
    ["**/b.txt", "b.txt", true],
    ["**/b.txt", "a/a/b.txt", true],
    ["**/b.txt", "a/b.txt/c", false],
    ["a/**/b", "a/b", true],
    ["a/**/b", "a/x/y/b", true],
    ["a/**/b", "b/a/b", false],
    ["**/*", "a/b/c", true],
    ["**/a/**/b", "x/a/a/b", true],
    [String.raw`\*.txt`, "*.txt", true],
    [String.raw`\*.txt`, "a.txt", false],
    ["/^a.*[0-9]$/", "a/b/7", true],
    ["/B/", "a/b/7", true],
    ["{name}", "run [7].wiff", true],
    ["{stem}.wiff.scan", "run [7].wiff.scan", true],
    ["{stem}.wiff.scan", "run 7.wiff.scan", false],
    ["{stem}*", "run [7].wiff.scan", true],
    ["{other}", "{other}", true],
  ] as const)("%j: %j? %p", (glob, path, means) => {
    expect(matches(glob, path)).toBe(means);
  });
});

test("what lies beside the entry is said to", () => {
  expect(pathGlob("../{stem}.wiff").isBeside).toBe(true);
  expect(pathGlob("../{stem}.wiff").of(names)("run [7].wiff")).toBe(true);
  expect(pathGlob("a/b").isBeside).toBe(false);
});

test("many stars cost no more than the length of the path", () => {
  const glob = pathGlob(`${"**/a/".repeat(60)}b`).of(names);
  const wide = pathGlob(`${"*a".repeat(200)}b`).of(names);
  const began = performance.now();
  expect(glob(`${"a/".repeat(500)}c`)).toBe(false);
  expect(wide("a".repeat(20_000))).toBe(false);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test("as a pattern of a listing a glob means the same", () => {
  const texts = ["**/*.log", "a.TMP", "cache/*", "x[a-c]y", "x[!a-c]y", "\\[K\\]", "é?", "a/**/b.d", "[]b]"];
  const paths = [
    "a.log",
    "sub/A.LOG",
    "a.tmp",
    "A.tmp",
    "sub/a.tmp",
    "Cache/x",
    "cache/x/y",
    "XBY",
    "xby",
    "xdy",
    "XDY",
  ];
  const more = ["[k]", "[K]", "ÉA", "éa", "a/b.d", "A/x/y/B.D", "]", "B", "b", "c", "C", "_"];
  for (const text of texts) {
    const [own, listed] = [pathGlob(text).of(names), matcherOf(listingPattern({ text }), false)];
    for (const path of [...paths, ...more])
      expect([text, path, listed(path, false)]).toEqual([text, path, own(path)]);
  }
});

test("it is known how many parts the paths have that a glob means", () => {
  const parts = (text: string): number => pathGlob(text).parts;
  expect([parts("a"), parts("*/[a-c]/{name}.d"), parts("../{stem}.raw")]).toEqual([1, 3, 1]);
  for (const text of ["**/a", "a/**/b", "/a/"]) expect(parts(text)).toBe(Number.POSITIVE_INFINITY);
});

describe("the forms that are found without an expression mean what expressions mean", () => {
  test.each([1, 2, 3, 4, 5])("seed %i", (seed) => {
    const random = randomFrom(seed);
    const text = (letters: string, most: number): string =>
      Array.from(
        { length: 1 + Math.floor(random() * most) },
        () => letters[Math.floor(random() * letters.length)],
      ).join("");
    for (let round = 0; round < 2000; round++) {
      const parts = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
        text("ab**", 5).replace(/^\*\*+$/, "*"),
      );
      const glob = `${random() < 0.4 ? "**/" : ""}${parts.join("/")}`;
      const path = Array.from({ length: 1 + Math.floor(random() * 3) }, () => text("abAB", 6)).join("/");
      const source = glob
        .replace(/^\*\*\//, "<>")
        .replaceAll(/\*+/g, "[^/]*")
        .replace("<>", "(?:.*/)?");
      expect([glob, path, matches(glob, path)]).toEqual([
        glob,
        path,
        new RegExp(`^${source}$`, "i").test(path),
      ]);
      if (matches(glob, path)) expect(pathGlob(glob).parts).toBeGreaterThanOrEqual(path.split("/").length);
    }
  });

  test("and one name beside is the same by its name as by its pattern", () => {
    for (const name of ["run [7].wiff.scan", "RUN [7].WIFF.SCAN", "run 7.wiff.scan", "run [7].wiff"]) {
      const glob = pathGlob("../{stem}.wiff.scan");
      expect(glob.nameBeside(names) === name.toLowerCase()).toBe(glob.of(names)(name));
    }
    expect(pathGlob("../{stem}*").nameBeside(names)).toBeNull();
    expect(pathGlob("{name}").nameBeside(names)).toBeNull();
  });
});
