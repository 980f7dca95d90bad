// The file of a profile: what it may say, and everything that is wrong with one, each with its line.

import { describe, expect, test } from "bun:test";
import { readProfile } from "../../src/watch/profile.ts";
import { profileNames } from "../../src/watch/profiles.ts";
import { faultsIn } from "../config/faults-in.ts";
import { memoryView } from "../support/instrument/memory-view.ts";
import { randomFrom } from "../support/instrument/random.ts";

const read = (text: string) => readProfile("mine", text);
const head = 'title = "My instrument"\nunit = "folder"\n';
const ofFile = 'title = "My instrument"\nunit = "file"\n';

const text = "a line of 1 to 300 characters";
const globs = 'a list of globs for paths, from the run on: ["*.raw", "metadata/*.done"]';
const glob = 'a glob for a path, from the run on: "metadata/*.done"';
const wantedText = 'a text that stands in the file, or an expression: "closed", "/^stopped=./"';
const conditions = '"files", "any-of", "none-of", "name", "text", "row", "each", "smaller"';
const reasons = '"no-sign", "incomplete", "empty", "journal-beside", "run-failed", "run-aborted"';

describe("mistakes", () => {
  const faulty: readonly (readonly [string, readonly string[]])[] = [
    ["", ["1: title: is missing", "1: unit: is missing"]],
    [
      "title = My",
      ['1: invalid value: title = My [all but plain numbers, true and false stands in quotes: "64MiB"]'],
    ],
    ['title = ""\nunit = "file"', [`1: title: needs ${text}, found ""`]],
    ['title = "a\\nb"\nunit = "file"', [`1: title: needs ${text}, found "a\\nb"`]],
    ['title = 7\nunit = "file"', [`1: title: needs ${text}, found 7`]],
    ['title = "a"\nunit = "run"', ['2: unit: needs one of "file", "folder", found "run"']],
    [`${head}units = "file"`, ['3: units: unknown setting [did you mean "unit"?]']],
    [
      `${head}colour = "blue"`,
      ["3: colour: unknown setting [doc/instruments.md has all that a profile may say]"],
    ],
    [`${head}depth = 0`, ["3: depth: needs a whole number from 1 to 16, found 0"]],
    [
      `${head}depth = "2"`,
      ['3: depth: needs a whole number from 1 to 16, found "2" [write it without quotes]'],
    ],
    [
      `${head}settle = 60`,
      ["3: settle: needs a duration, found 60 [write a number with a unit: 90s, 15m, 24h, 7d]"],
    ],
    [`${head}settle = "0s"`, ['3: settle: needs at least 1s, found "0s"']],
    [`${head}names = "*.d"`, [`3: names: needs ${globs}, found "*.d"`]],
    [`${head}names = []`, [`3: names: needs ${globs}, found a list`]],
    [`${head}names = [1]`, [`3: names: needs ${globs}, found 1`]],
    [`${head}names = [""]`, [`3: names: needs ${globs}, found "", which is empty`]],
    [
      `${head}names = ["a["]`,
      [
        `3: names: needs ${globs}, found "a[", which has a "[" that is not closed: write "\\[" where that character is meant`,
      ],
    ],
    [
      `${head}junk = ["tmp/"]`,
      [
        `3: junk: needs ${globs}, found "tmp/", which has an empty part: a path has one "/" between its parts, and none around`,
      ],
    ],
    [`${head}junk = ["../a"]`, ['3: junk: needs globs for what is in a run, found "../a"']],
    [`${head}junk = ["/tmp$/"]`, ['3: junk: needs globs for what is in a run, found "/tmp$/"']],
    [`${head}junk = ["{name}.log"]`, ['3: junk: needs globs for what is in a run, found "{name}.log"']],
    [
      `${head}junk = ["tmp/**"]`,
      [`3: junk: needs ${globs}, found "tmp/**", which ends with "**": write "**/*"`],
    ],
    [
      `${head}junk = ["a/../b"]`,
      [`3: junk: needs ${globs}, found "a/../b", which has a part "." or "..", which no path has`],
    ],
    [
      `${head}[[sign]]\nfiles = ["../../a"]`,
      [
        `4: sign[1].files: needs ${globs}, found "../../a", which leads further than beside the entry: write "../NAME"`,
      ],
    ],
    [
      `${head}[[sign]]\nfiles = ["/(a/"]`,
      [
        `4: sign[1].files: needs ${globs}, found "/(a/", which is no regular expression of RE2's syntax: missing closing ): \`(?is)(a\``,
      ],
    ],
    [`${head}[[sign]]`, [`3: sign[1]: says nothing that has to hold: needs one of ${conditions}`]],
    [
      `${head}[[sign]]\nfiles = ["a"]\noutcome = "done"`,
      ['5: sign[1].outcome: needs one of "finished", "failed", "aborted", found "done"'],
    ],
    [`${head}[[sign]]\nfile = ["a"]`, ['4: sign[1].file: unknown setting [did you mean "files"?]']],
    [`${head}[[sign]]\ntext = "a"`, ['4: sign[1].text: needs a table, found "a"']],
    [`${head}[[sign]]\ntext = { in = "a" }`, ["4: sign[1].text.is: is missing"]],
    [`${head}[[sign]]\ntext = { in = ["a"], is = "b" }`, [`4: sign[1].text.in: needs ${glob}, found a list`]],
    [
      `${head}[[sign]]\ntext = { in = "a", is = "/(?=b)/" }`,
      [
        `4: sign[1].text.is: needs ${wantedText}, found "/(?=b)/", which is no regular expression of RE2's syntax: invalid or unsupported Perl syntax: \`(?=\``,
      ],
    ],
    [
      `${ofFile}[[sign]]\neach = { folder = "a", has = ["b"] }`,
      ['4: sign[1].each: is for unit = "folder": there is nothing in a file'],
    ],
    [
      `${head}[[sign]]\neach = { folder = "a", has = ["../b"] }`,
      ['4: sign[1].each.has: means what lies in each folder, found "../b"'],
    ],
    [
      `${head}[[wait]]\nsmaller = { files = ["a"], than = -1 }\nreason = "empty"\nsays = "b"`,
      [
        "4: wait[1].smaller.than: needs a size, found -1 [write a number of bytes or a number with a unit: 256MiB, 1G, 500MB]",
      ],
    ],
    [`${head}[[wait]]\nfiles = ["a"]`, ["3: wait[1].reason: is missing", "3: wait[1].says: is missing"]],
    [
      `${head}[[wait]]\nfiles = ["a"]\nsays = "b"\nreason = "queued"`,
      [`6: wait[1].reason: needs one of ${reasons}, found "queued"`],
    ],
    [`${head}early = ["a"]`, ["3: early: is for a profile that has a [[sign]] of the end"]],
    [
      `${head}[[verdict]]\nin = "a"\nis = "b"\noutcome = "failed"`,
      ["3: verdict: is for a profile that has a [[sign]] of the end"],
    ],
    [
      `${head}[[promise]]\nin = "a"\nnumber-after = "b"\nfiles = ["c"]`,
      ["3: promise: is for a profile that has a [[sign]] of the end"],
    ],
    [`${ofFile}contains = ["a"]`, ['3: contains: is for unit = "folder": there is nothing in a file']],
    [
      `${ofFile}[checksums]\nin = "a"\npath = "b"\nsha256 = "c"`,
      ['3: checksums: is for unit = "folder": there is nothing in a file'],
    ],
    [`${head}endings = [".a"]`, ['3: endings: is for unit = "file": the files of one acquisition']],
    [
      `${ofFile}endings = ["wiff"]`,
      [
        '3: endings: needs the endings of the files of one acquisition: [".wiff", ".wiff.scan"], found "wiff"',
      ],
    ],
    [
      `${head}sources = "https://example.org"`,
      [
        '3: sources: needs a list of addresses or citations: ["https://example.org/formats"], found "https://example.org"',
      ],
    ],
    [`${head}sign = 1`, ["3: sign: needs a list, found 1"]],
    [`${head}[sign]\nfiles = ["a"]`, ["3: sign: needs a list, found a table"]],
  ];
  test.each(faulty)("%j", (written, faults) => {
    expect(faultsIn(read(written))).toEqual(faults);
  });
});

test("a profile of one's own says all that it may", async () => {
  const reading = read(`${head}
    about = "for the machine in room 3"
    depth = 2
    settle = "90s"
    names = ["run-*"]
    contains = ["run.xml"]
    junk = ["**/*.lock"]
    early = ["almost.txt"]
    sqlite = ["index.db"]
    sources = ["the manual, page 12"]
    [[sign]]
    files = ["done.txt"]
    outcome = "finished"
    says = "done.txt"
    [[wait]]
    any-of = ["**/*.part"]
    reason = "incomplete"
    says = "{file} is being copied"`);
  if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
  const { value: profile } = reading;
  expect(profile).toMatchObject({
    name: "mine",
    title: "My instrument",
    unit: "folder",
    depth: 2,
    settleMs: 90_000,
  });
  const complete = (files: Record<string, string>) =>
    profile.complete(memoryView({ name: "run-1", kind: "folder", files }));
  expect(await complete({ a: "", "done.txt": "" })).toEqual({
    type: "complete",
    outcome: "finished",
    sign: "done.txt",
  });
  expect(await complete({ "$&.part": "", "done.txt": "" })).toEqual({
    ...{ type: "waits", reason: "incomplete", detail: "$&.part is being copied" },
  });
  expect(profile.isJunk("a/b.LOCK")).toBe(true);
});

test("the smallest profile takes everything of its kind, and lets the quiet decide", async () => {
  const reading = read(ofFile);
  if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
  const { value: profile } = reading;
  expect(profile).toMatchObject({ depth: null, settleMs: null });
  const view = memoryView({ name: "a", kind: "file", files: { "": 1 } });
  expect([profile.isUnit(view), profile.isJunk("a")]).toEqual([true, false]);
  expect(await profile.complete(view)).toEqual({ type: "by-quiet" });
});

describe("any text is a profile, or has faults with a line each", () => {
  const pieces = [
    ...[
      'title = "a"',
      'unit = "file"',
      'unit = "folder"',
      "[[sign]]",
      "[[wait]]",
      "[[verdict]]",
      "[[promise]]",
    ],
    ...[
      'files = ["a*"]',
      'names = ["[a-"]',
      'text = { in = "a", is = "/b/" }',
      'reason = "empty"',
      'says = "x"',
    ],
    ...[
      'each = { folder = "[0-9]", has = ["*"] }',
      "smaller = { than = 1 }",
      "depth = 3",
      'in = "a"',
      'is = "/(/"',
    ],
    ...[
      'outcome = "failed"',
      "[checksums]",
      'junk = ["**/*", 1]',
      "= = =",
      '"',
      "\0",
      "\ud800",
      "[",
      "# x",
      'sqlite = ["**"]',
    ],
  ];
  test.each(Array.from({ length: 20 }, (_, seed) => seed + 1))("seed %i", (seed) => {
    const random = randomFrom(seed);
    for (let round = 0; round < 100; round++) {
      const written = Array.from(
        { length: Math.floor(random() * 9) },
        () => pieces[Math.floor(random() * pieces.length)],
      );
      expectFaultsOrProfile(written.join(random() < 0.9 ? "\n" : " "));
    }
  });

  test("also of any bytes", () => {
    const random = randomFrom(77);
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
      expectFaultsOrProfile(new TextDecoder().decode(bytes));
    }
  });

  test("and of each of ours with a piece cut out", async () => {
    const random = randomFrom(99);
    for (const name of profileNames) {
      const whole = await Bun.file(new URL(`../../src/watch/profiles/${name}.toml`, import.meta.url)).text();
      for (let round = 0; round < 30; round++) {
        const from = Math.floor(random() * whole.length);
        expectFaultsOrProfile(whole.slice(0, from) + whole.slice(from + Math.floor(random() * 40)));
      }
    }
  });
});

function expectFaultsOrProfile(written: string): void {
  const reading = read(written);
  if (reading.ok) return expect(["file", "folder"]).toContain(reading.value.unit);
  expect(reading.faults.length).toBeGreaterThan(0);
  const lines = written.split("\n").length;
  for (const { line, text: words } of reading.faults) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines);
    expect(words).not.toBe("");
    expect(words).not.toContain("\n");
  }
}
