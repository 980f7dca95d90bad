// The line of every key of a TOML file. The judge is the library that reads TOML, which is asked from line to line whether the
// key is there yet.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parse } from "smol-toml";
import { TomlLines, type TomlPath } from "../../src/config/toml-lines.ts";

/** The first line after which `text`, read as far as that, has something at `path`. */
function judged(text: string, path: TomlPath): number {
  const lines = text.split("\n");
  return lines.findIndex((_, index) => has(lines.slice(0, index + 1).join("\n"), path)) + 1;
}

function has(text: string, path: TomlPath): boolean {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return false;
  }
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return false;
    value = (value as Record<string | number, unknown>)[key];
  }
  return true;
}

/** Paths of everything in a document. */
function pathsIn(value: unknown, path: TomlPath = []): readonly TomlPath[] {
  if (typeof value !== "object" || value === null || value instanceof Date) return [path];
  const members = Array.isArray(value) ? value.map((it, index) => [index, it]) : Object.entries(value);
  return [path, ...members.flatMap(([key, it]) => pathsIn(it, [...path, key as string]))];
}

const odd = String.raw`# port = 1
"a.b" = "\" # not = a comment"   # port = 2
c . 'd' = '\'
e = """ "quoted" \""" [x]
f = 1 """"

[t.u]
port = [ 1, # ]
  [ 2, "]" ], { g = 3, h.i = "}" },
]
'' = 2026-01-02 03:04:05
[[r]]
n = '''
[[r]]''''
[r.s]
m = { }
[[r.k]]
[[r.k]]
x = 1
[[r]]
[r.s]
"\u0041" = -1.5e3
[[r.k]]
x = true`;

describe("TomlLines", () => {
  const values: readonly (readonly [TomlPath, number])[] = [
    [["a.b"], 2],
    [["c", "d"], 3],
    [["e"], 4],
    [["t", "u"], 7],
    [["t", "u", "port", 1, 1], 9],
    [["t", "u", "port", 2, "h", "i"], 9],
    [["t", "u", ""], 11],
    [["r", 0, "n"], 13],
    [["r", 0, "s", "m"], 16],
    [["r", 0, "k", 1, "x"], 19],
    [["r", 1, "s", "A"], 22],
    [["r", 1, "k", 0, "x"], 24],
  ];
  for (const end of ["\n", "\r\n"]) {
    test.each(values)(`%j, lines that end in ${JSON.stringify(end)}`, (path, line) => {
      expect(new TomlLines(odd.replaceAll("\n", end)).lineOf(path)).toBe(line);
    });
  }

  test("what is not there has the line of what it would be in", () => {
    const lines = new TomlLines(odd);
    expect(lines.lineOf(["r", 1, "s", "gone", "far"])).toBe(21);
    expect(lines.lineOf(["gone"])).toBe(1);
    expect(new TomlLines("").lineOf(["x"])).toBe(1);
  });

  test("of what lies very deep, the line of what it is in, and soon", () => {
    const key = "a.".repeat(200_000);
    const lines = new TomlLines(`\n${key}a = [[[1]]]\n[b]\nc = ${"[".repeat(500)}${"]".repeat(500)}`);
    expect(lines.lineOf(Array.from({ length: 1000 }, () => "a"))).toBe(2);
    expect(lines.lineOf(["b", "c", ...Array.from({ length: 400 }, () => 0)])).toBe(4);
  });

  test("of any file, everything that stands on lines of its own", () => {
    const key = fc.constantFrom("a", "b", '"a"', "'c d'", '"\\u0062"', "a.b", "b . a");
    const value = fc.constantFrom(
      ...[
        "1",
        '"#"',
        "'''\n'''",
        "[]",
        "[1,\n 2]",
        '"""\n[a]\n\\"""" # x',
        "{}",
        "{a = 1, b.c = [2]}",
        "false",
      ],
    );
    const line = fc.oneof(
      fc.tuple(key, value).map(([name, it]) => `${name} = ${it}`),
      key.map((name) => `[${name}]`),
      key.map((name) => `[[${name}]]`),
      fc.constantFrom("", "# a = 1", "  # [a]"),
    );
    let read = 0;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (parts) => {
        const text = parts.join("\n");
        let document: unknown;
        try {
          document = parse(text);
        } catch {
          return;
        }
        read++;
        const lines = new TomlLines(text);
        // A value that takes several lines is read with the last one, and begins at its key.
        const ends = (path: TomlPath) => text.split("\n").slice(0, judged(text, path)).length;
        for (const path of pathsIn(document).slice(1)) {
          const found = lines.lineOf(path);
          expect(found).toBeLessThanOrEqual(ends(path));
          if (!/'''|"""|\[1,/.test(text)) expect([path, found]).toEqual([path, ends(path)]);
        }
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(300);
  });
});
