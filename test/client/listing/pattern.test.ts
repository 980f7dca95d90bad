// Patterns of --include and --exclude: what they mean, and that git means the same by them.

import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { matcherOf, patternFault } from "../../../src/client/listing/pattern.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const git = Bun.which("git");

test.each([
  ["*.tmp", "a.tmp", true],
  ["*.tmp", "x/y/a.tmp", true],
  ["*.tmp", "a.tmp.raw", false],
  ["/*.tmp", "x/a.tmp", false],
  ["raw/*.d", "raw/a.d", true],
  ["raw/*.d", "x/raw/a.d", false],
  ["raw/*.d", "raw/x/a.d", false],
  ["a/**/b", "a/b", true],
  ["a/**/b", "a/x/y/b", true],
  ["**/b", "x/b", true],
  ["a/**", "a/x/y", true],
  ["a/**", "a", false],
  ["?.raw", "😀.raw", true],
  ["run (1).raw", "run (1).raw", true],
  ["run{1,2}.raw", "run1.raw", false],
  [".*", ".hidden", true],
  ["*", ".hidden", true],
  ["[a-c]1", "b1", true],
  ["[!a-c]1", "b1", false],
  ["[^a-c]1", "d1", true],
  ["a[!b]c", "a/c", false],
  ["[]x]", "]", true],
  ["[a\\]]", "]", true],
  ["[[:digit:]x]", "7", true],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["\\!x", "!x", true],
  ["a.b", "axb", false],
  ["A", "a", false],
] as const)("%p and %p: %p", (pattern, path, isMatch) => {
  expect(patternFault(pattern)).toBeNull();
  expect(matcherOf(pattern, false)(path, false)).toBe(isMatch);
});

test("with a slash at its end it means folders only", () => {
  const matches = matcherOf("tmp/", false);
  expect([matches("x/tmp", true), matches("x/tmp", false)]).toEqual([true, false]);
});

test("where case does not count, it does not count beyond ASCII either", () => {
  expect(matcherOf("*.ÄB", true)("x.äb", false)).toBe(true);
});

test.each([
  ["", "is empty"],
  ["/", "is empty"],
  ["!a", 'begins with "!"'],
  ["a\\", 'ends with "\\"'],
  ["a[", 'has a "[" that stands for nothing'],
  ["[z-a]", 'has a "[" that stands for nothing'],
  ["[[:letter:]]", 'has a "[" that stands for nothing'],
])("%p is no pattern: it %s", (pattern, text) => {
  expect(patternFault(pattern)).toEqual({ text, hint: expect.any(String) });
});

// Its documentation says that "**" beside other characters is "*", but "-**/**" matches "-" for it, now and then.
const besideOther = /[^/]\*\*|\*\*[^/]/;

describe.skipIf(git === null)("git as the judge (skipped where there is none)", () => {
  test("says the same of any pattern and path", async () => {
    await using folder = await tempFolder();
    spawnSync(git!, ["init", "-q"], { cwd: folder.path });
    mkdirSync(folder.file(".git", "info"), { recursive: true });
    // For git "?" and "[é]" are about bytes, not characters.
    const part = fc.stringMatching(/^(?:[ab.*?-]|\*\*|\[[!^]?[ab-]\]|\[a-c\]|\\[*?a]){1,4}$/);
    const parts = fc.array(fc.oneof(part, fc.constant("**")), { minLength: 1, maxLength: 3 });
    const pattern = fc
      .tuple(fc.constantFrom("", "/"), parts)
      .map(([slash, all]) => slash + all.join("/"))
      .filter((text) => patternFault(text) === null && !besideOther.test(text));
    const name = fc.stringMatching(/^[ab*-][ab.*-]{0,3}$/);
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((all) => all.join("/"));
    const property = fc.property(pattern, fc.array(path, { minLength: 50, maxLength: 50 }), (one, paths) => {
      writeFileSync(folder.file(".git", "info", "exclude"), `${one}\n`);
      const ignored = ignoredBy(folder.path, paths);
      for (const at of paths)
        expect({ one, at, isMatch: isIgnored(one, at) }).toEqual({ one, at, isMatch: ignored.has(at) });
    });
    fc.assert(property, { numRuns: 150 });
  });
});

function ignoredBy(folder: string, paths: readonly string[]): ReadonlySet<string> {
  const args = ["-c", "core.excludesFile=", "check-ignore", "--no-index", "-z", "--stdin"];
  const { stdout, stderr } = spawnSync(git!, args, { cwd: folder, input: paths.join("\0") });
  expect(stderr.toString()).toBe("");
  return new Set(stdout.toString().split("\0"));
}

/** As git has it: also where a folder on the way is meant. */
function isIgnored(pattern: string, path: string): boolean {
  const matches = matcherOf(pattern, false);
  const parts = path.split("/");
  return parts.some((_, at) => matches(parts.slice(0, at + 1).join("/"), at < parts.length - 1));
}
