// Where a rule has its uploads go: whatever the values are, no path leaves the data folder.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { messageOf } from "../../src/base/error.ts";
import { expandPath, type PathValues, readPathTemplate } from "../../src/rules/path-template.ts";
import { destinationAt, pathOf } from "../../src/upload/destination.ts";
import { type NameKind, nameFaultOf } from "../../src/upload/names.ts";

const values = (
  change: Partial<PathValues> & { readonly fields?: Readonly<Record<string, string>> } = {},
): PathValues => ({
  user: "anna",
  name: "run 1.tar.gz",
  upload: "0123456789abcdef",
  // A Friday, and the last day of week 53 of the year before, by ISO 8601.
  at: new Date(2021, 0, 1, 9, 5, 7),
  meta: (path) => change.fields?.[path] ?? null,
  ...change,
});
const fields = { "a.b": "QABCD", n: "0012.50" };

function expanded(
  template: string,
  change: Parameters<typeof values>[0] = { fields },
  kind: NameKind = "portable",
) {
  const place = expandPath(readPathTemplate(template), values(change), kind);
  return typeof place === "string" ? place : pathOf(place);
}

describe("a template", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["{user}/{name}", "anna/run 1.tar.gz"],
    ["raw/{date:%Y/%m}/{stem}_{date:%H%M%S}{ext}", "raw/2021/01/run 1_090507.tar.gz"],
    ["{date}/{upload}", "2021-01-01/0123456789abcdef"],
    ["w{date:%G-%V}/{date:%j}/{name}", "w2020-53/001/run 1.tar.gz"],
    ["p {meta.a.b}/{meta.n}/x{ext}", "p QABCD/0012.50/x.tar.gz"],
    ["{user}.{date:%y}/{name}", "anna.21/run 1.tar.gz"],
  ];
  test.each(cases)("%s becomes %s", (template, path) => {
    expect(expanded(template)).toBe(path);
  });

  test("names every field that is missing, once", () => {
    expect(expanded("{meta.x}/{meta.a.b}/{meta.y}{meta.x}")).toBe(
      'Where it goes depends on the metadata: "x" and "y" have to be there, with a single value',
    );
    expect(expanded("{meta.x}/{name}", { fields: { x: "" } })).toContain('"x" has to be there');
  });

  const faults: readonly (readonly [string, string])[] = [
    ["{name}", "has no folder"],
    ["", "has no folder"],
    ["/abs/{name}", 'begins with "/"'],
    ["a//{name}", "a part without a name"],
    ["{user}/", "a part without a name"],
    ["../{name}", 'a part ".." that starts with a dot'],
    ["a/../{name}", "starts with a dot"],
    [".dync/{name}", 'a part ".dync" that starts with a dot'],
    ["a\\b/{name}", 'contains "\\"'],
    ["a:b/{name}", 'contains ":"'],
    ["con/{name}", "is reserved by Windows"],
    ["a /{name}", "ends with a space"],
    ["a/{nam}", "has {nam}, which is none of {user}, {name}, {stem}, {ext}, {upload}, {date}"],
    ["a/{nam}", "did you mean {name}?"],
    ["a/{meta.}", "has {meta.}"],
    ["a/{meta.a..b}", "has {meta.a..b}"],
    ["a/{name", '"{" that is not closed'],
    ["a/name}", '"}" that closes nothing'],
    ["a/{date:}{name}", "a date without a format"],
    ["a/{date:%Q}{name}", 'has "%Q" in a date'],
    ["a/{date:%}{name}", 'has "%" in a date'],
    ["a/fixed.raw", 'gives every upload the same name "fixed.raw"'],
    [`${"a/".repeat(16)}{name}`, "has 17 parts"],
    [`${"a".repeat(1000)}/{name}`, "is 1007 characters long"],
  ];
  test.each(faults)("%p is refused: %s", (template, text) => {
    const read = () => readPathTemplate(template);
    expect(read).toThrow();
    try {
      read();
    } catch (error) {
      expect(messageOf(error)).toContain(text);
    }
  });
});

describe("a value stays within its part of the path", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["../../etc", ".._.._etc"],
    ["..", "data"],
    [".", "data"],
    ["/etc/passwd", "_etc_passwd"],
    ["a\u0000b\nc", "abc"],
    ["CON", "_CON"],
    [" a ", "a"],
    ["\u202egnp", "gnp"],
    ["x.meta.json", "x.meta.json_"],
    ["é".repeat(200), "é".repeat(120)],
  ];
  test.each(cases)("%p", (value, folder) => {
    const wanted = folder.startsWith("..") ? folder.replace(/^\.+/, "") : folder;
    expect(expanded("top/{meta.v}/{name}", { fields: { v: value } })).toBe(`top/${wanted}/run 1.tar.gz`);
  });

  test("whatever they are, of whatever template", () => {
    const part = fc.constantFrom("{meta.v}", "{name}", "{stem}", "{ext}", "{meta.w}", "x", "{user}");
    const templates = fc
      .array(fc.array(part, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 5 })
      .map((parts) => `${parts.map((it) => it.join("")).join("/")}{upload}`);
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("..", "/", "../..", ".dync", "a/b", "\\"),
    );
    const kinds = fc.constantFrom<NameKind>("portable", "posix");
    fc.assert(
      fc.property(templates, text, text, text, kinds, (template, v, w, name, kind) => {
        const place = expandPath(readPathTemplate(template), values({ name, fields: { v, w } }), kind);
        if (typeof place === "string") return;
        expect(destinationAt(pathOf(place))).toEqual(place);
        for (const it of pathOf(place).split("/")) expect(nameFaultOf(it, kind)).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });
});

test("what Linux can store stays as it is where a rule takes such names", () => {
  expect(expanded("{user}/{name}", { name: "12:00 <a>.raw" }, "posix")).toBe("anna/12:00 <a>.raw");
  expect(expanded("{user}/{name}", { name: "12:00 <a>.raw" }, "portable")).toBe("anna/12_00 _a_.raw");
  expect(expanded("{meta.t}/{name}", { fields: { t: "a/b:c" } }, "posix")).toBe("a_b:c/run 1.tar.gz");
});
