// The original server's configuration as one of ours: its own example and richer ones, all that may be wrong with one, and each thing
// that Python's expressions write in another way.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { importOriginal } from "../../../src/config/original/import-original.ts";
import { translatePython } from "../../../src/config/original/python-pattern.ts";
import { readServerFile } from "../../../src/config/server-file.ts";
import { namePattern } from "../../../src/rules/linear-pattern.ts";

const fixture = (name: string): string => readFileSync(join(import.meta.dir, name), "utf8");

describe("importOriginal()", () => {
  for (const [name, losses] of [
    ["example", [19, 23]],
    ["proteomics", []],
    ["genomics", [15, 19, 22, 27, 30, 32]],
    ["nothing", []],
  ] as const) {
    test(`${name}.yaml becomes ${name}.toml`, () => {
      const { toml, notes, faults } = importOriginal(fixture(`${name}.yaml`));
      expect(faults).toEqual([]);
      expect(toml).toBe(fixture(`${name}.toml`));
      expect(notes.filter((it) => it.isLoss).map((it) => it.line)).toEqual([...losses]);
      for (const { line, member } of notes)
        expect(toml.replaceAll("\n# ", " ")).toContain(`ine ${line}: ${member}: `);
    });
  }

  test("rules are in the order of the dropboxes, and say the same of names", () => {
    const reading = readServerFile(importOriginal(fixture("proteomics.yaml")).toml, "/");
    const rules = reading.ok ? (reading.value.rules ?? []) : [];
    expect(rules.map((it) => it.name)).toEqual(["manual", "raw", "mzml", "folders", "raw 2"]);
    const takes = (rule: number, name: string) => rules[rule]?.files?.some(({ matches }) => matches(name));
    expect(takes(1, "QABCD001A0_x.raw")).toBe(true);
    // Case counts, and the beginning.
    expect(takes(1, "qABCD001A0_x.raw")).toBe(false);
    expect(takes(1, "xQABCD001A0_x.raw")).toBe(false);
    expect(takes(2, "run.mzML.GZ")).toBe(true);
    const users = (user: string) => rules[1]?.users?.some((it) => it(user));
    expect(["thermo", "thermos", "q-exactive*", "q-exactive1", "a[1]", "a1"].map(users)).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  const base = (changes: Readonly<Record<string, unknown>>) =>
    JSON.stringify({
      address: "tcp://*:8889",
      storage: { path: "/srv", manual: "/srv/m", dropboxes: [] },
      ...changes,
    });
  const dropbox = (changes: Readonly<Record<string, unknown>>) =>
    base({
      storage: { path: "/srv", manual: "/srv/m", dropboxes: [{ regexp: "a", path: "/srv/a", ...changes }] },
    });
  const mistakes: readonly (readonly [string, string])[] = [
    ["", "1: needs a table, found nothing"],
    ["- a", "1: needs a table, found a list"],
    ["a: [1", "1: Flow sequence"],
    ["a: 1\n---\nb: 1", "2: Source contains multiple documents"],
    ["a: 1\na: 2", "2: Map keys must be unique"],
    ["a: !!python/object:x.y {}", "1: Unresolved tag"],
    ["address: tcp://*:1\nstorage:\n  path: /a", "2: storage.dropboxes: is missing"],
    [base({ address: undefined }), "1: address: is missing"],
    [
      base({ address: "ipc:///tmp/x" }),
      '1: address: needs an address and a port: "tcp://*:8889", found "ipc:///tmp/x"',
    ],
    [base({ address: "tcp://*:70000" }), "1: address: needs an address and a port"],
    [base({ address: 8889 }), "1: address: needs an address and a port"],
    [base({ options: [] }), "1: options: needs a table, found a list"],
    [
      base({ options: { umask: 512 } }),
      "1: options.umask: needs a mask of permissions from 0000 to 0777, found 512",
    ],
    [base({ options: { umask: "0022" } }), "1: options.umask: needs a mask of permissions"],
    [base({ logging: "x" }), '1: logging: needs a table, found "x"'],
    [
      base({ storage: { path: "srv", dropboxes: [] } }),
      '1: storage.path: needs an absolute path: "/srv/dropbox", found "srv"',
    ],
    [base({ storage: { path: "/srv", dropboxes: {} } }), "1: storage.dropboxes: needs a list, found a table"],
    [dropbox({ regexp: 7 }), "1: storage.dropboxes[1].regexp: needs a text, found 7"],
    [dropbox({ regexp: undefined }), "1: storage.dropboxes[1].regexp: is missing"],
    [dropbox({ path: "a" }), "1: storage.dropboxes[1].path: needs an absolute path"],
    [
      dropbox({ origin: "a" }),
      '1: storage.dropboxes[1].origin: needs a list of users: ["a", "b"], found "a"',
    ],
    [dropbox({ match_file: "no" }), '1: storage.dropboxes[1].match_file: needs true or false, found "no"'],
    [dropbox({ match_dir: 1 }), "1: storage.dropboxes[1].match_dir: needs true or false, found 1"],
    [
      dropbox({ requires_barcode: null }),
      "1: storage.dropboxes[1].requires_barcode: needs true or false, found nothing",
    ],
    [
      dropbox({ match_files: true }),
      '1: storage.dropboxes[1].match_files: unknown setting [did you mean "match_file"?]',
    ],
  ];
  for (const [text, wanted] of mistakes) {
    test(`says what is wrong: ${wanted}`, () => {
      const { faults, toml } = importOriginal(text);
      const [first] = faults.map(
        ({ line, member, text: fault, hint }) =>
          `${line}: ${member === "" ? "" : `${member}: `}${fault}${hint === undefined ? "" : ` [${hint}]`}`,
      );
      expect(first).toStartWith(wanted);
      expect(toml).toBe("");
    });
  }

  test("tells all mistakes at once, each with its line", () => {
    const text = "address: 1\noptions:\n  umask: x\nstorage:\n  path: a\n  dropboxes:\n  - path: /a\n";
    expect(importOriginal(text).faults.map((it) => it.line)).toEqual([1, 3, 5, 7]);
  });

  test("aliases that grow beyond all bounds are no configuration", () => {
    const lists = "bcdefghij".split("").map((key, index) => {
      const before = `*${"abcdefghij"[index]}`;
      return `${key}: &${key} [${Array(10).fill(before).join(", ")}]`;
    });
    const { faults } = importOriginal(["a: &a [x, x, x, x, x, x, x, x, x, x]", ...lists].join("\n"));
    expect(faults).toHaveLength(1);
  });

  test("names that need quotes in TOML get them", () => {
    const odd = '/srv/it\'s "a" \\ \u007f';
    const { toml } = importOriginal(dropbox({ path: odd.slice(0, -2), regexp: "it's\\.\u007f\"" }));
    expect(readServerFile(toml, "/")).toMatchObject({ ok: true });
    expect(importOriginal(dropbox({ path: odd })).faults).toHaveLength(1);
  });
});

describe("translatePython()", () => {
  const same: readonly (readonly [string, string])[] = [
    ["a.b*?[^x-z]{2,3}(?:c|d)(?P<n>e)\\.\\n$", "a.b*?[^x-z]{2,3}(?:c|d)(?P<n>e)\\.\\n$"],
    ["\\d\\D\\w\\W\\s", "[\\p{Nd}][^\\p{Nd}][\\p{L}\\p{N}_][^\\p{L}\\p{N}_][\\s\\v\\x1c-\\x1f\\x85\\p{Z}]"],
    ["[\\w.-][\\s\\S][\\D]", "[\\p{L}\\p{N}_.-][\\s\\v\\x1c-\\x1f\\x85\\p{Z}\\S][\\P{Nd}]"],
    ["[]a][^]a][[:x]", "[\\]a][^\\]a][\\[:x]"],
    ["[\\b\\]]", "[\\x{8}\\]]"],
    ["\\Z\\A\\b", "\\z\\A\\b"],
    ["a{,3}b{,}c{", "a{0,3}b{0,}c{"],
    ["\\0\\101\\x41\\u0042\\U00000043", "\\x{0}\\x{41}\\x{41}\\x{42}\\x{43}"],
    ["(?i)a(?#b)c(?u)(?u:d)(?s-i:e)", "(?i)ac(?:d)(?s-i:e)"],
    ["\\ä\\ \\-", "ä \\-"],
  ];
  for (const [python, pattern] of same)
    test(`${python} is ${pattern}`, () => expect(translatePython(python)).toEqual({ pattern, faults: [] }));

  for (const [python, fault] of [
    ["a(?=b)", "look-ahead"],
    ["a(?!b)", "look-ahead"],
    ["(?<=a)b", "look-behind"],
    ["(?<!a)b", "look-behind"],
    ["(a)\\1", "back-reference"],
    ["(?P<a>a)(?P=a)", "back-reference"],
    ["(a)?(?(1)b|c)", "condition"],
    ["(?>a)", "atomic group"],
    ["(?x)a", "flags"],
    ["(?a)\\w", "flags"],
    ["\\q", "not understood"],
    ["a\\", "not understood"],
    ["[a", "not closed"],
    ["\\N{DASH}", "not understood"],
  ] as const) {
    test(`${python} has what cannot be said: ${fault}`, () => {
      const { faults } = translatePython(python);
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain(fault);
    });
  }

  test("what comes of it is RE2's", () => {
    for (const [python] of same) {
      const { pattern } = translatePython(python);
      expect(() => namePattern(`/(?-is)^(?:${pattern})/`, true)).not.toThrow();
    }
    const { pattern } = translatePython("\\w+[]\\s]\\Z");
    expect(namePattern(`/^(?:${pattern})/`, false)("größe７\u3000")).toBe(true);
  });
});
