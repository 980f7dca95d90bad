// Which rule takes an upload, and what is said where none does.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { judge } from "../../src/rules/judge.ts";
import { linearPattern, namePattern } from "../../src/rules/linear-pattern.ts";
import { MetadataSchema } from "../../src/rules/metadata-schema.ts";
import { type Candidate, defaultTerms, ruleFor, type UploadRule } from "../../src/rules/upload-rules.ts";

const candidate = (change: Partial<Candidate> = {}): Candidate => ({
  user: "anna",
  name: "run-1.raw",
  isDataset: false,
  metadata: { instrument: { kind: "ms", number: 3, isOld: false } },
  ...change,
});
const rule = (change: Partial<UploadRule> = {}): UploadRule => ({
  name: "r",
  terms: defaultTerms,
  ...change,
});
const patterns = (...texts: readonly string[]) =>
  texts.map((text) => ({ text, matches: namePattern(text, true) }));
const users = (...texts: readonly string[]) => texts.map((it) => namePattern(it, false));

describe("namePattern()", () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["*.raw", ["a.raw", ".raw", "A.RAW", "a\nb.raw"], ["a.raw2", "araw", "raw"]],
    ["run-?", ["run-1", "run-木", "run-😀"], ["run-", "run-12"]],
    ["[a-c]1", ["a1", "c1"], ["d1", "a"]],
    ["[!a-c]1", ["d1"], ["a1"]],
    ["a[.]b", ["a.b"], ["axb"]],
    ["[[]1", ["[1"], ["1"]],
    [String.raw`a\*b`, ["a*b"], ["axb"]],
    ["a+(b)|c$", ["a+(b)|c$"], ["aab", "c"]],
    ["/^run[0-9]+_/", ["run12_x"], ["xrun1_", "run_"]],
    ["/b/", ["abc"], ["ac"]],
    ["probe α.d", ["probe α.d", "PROBE Α.D"], ["probe a.d"]],
  ];
  test.each(cases)("%s", (text, fits, others) => {
    const matches = namePattern(text, true);
    expect([...fits, ...others].map((it) => [it, matches(it)])).toEqual([
      ...fits.map((it) => [it, true]),
      ...others.map((it) => [it, false]),
    ]);
  });

  test("regards case where it is told to", () => {
    expect(namePattern("*.raw", false)("a.RAW")).toBe(false);
  });

  test("takes every name for itself, with a backslash before each character", () => {
    const name = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(name, name, (text, other) => {
        const matches = namePattern([...text].map((it) => `\\${it}`).join(""), false);
        expect(matches(text)).toBe(true);
        // Names that are written alike are one name: U+2000 is U+2002.
        expect(matches(other)).toBe(other.normalize() === text.normalize());
      }),
      { examples: [["\u2028 ", "\n"]] },
    );
  });

  const faults: readonly (readonly [string, string])[] = [
    ["", "is empty"],
    ["a[b", 'has a "[" that is not closed'],
    ["a\\", 'ends with "\\"'],
    ["[z-a]", "is no regular expression of RE2's syntax"],
    ["/(/", "missing closing )"],
    ["/(?=a)/", "is no regular expression of RE2's syntax"],
    [`/${"a".repeat(1000)}/`, "at most 1000 are allowed"],
    ["/((a{100}){100}){100}/", "is no regular expression of RE2's syntax"],
  ];
  test.each(faults)("%j is refused", (text, reason) => {
    expect(() => namePattern(text, false)).toThrow(reason);
  });

  test("a text that would keep other engines busy for years is answered", () => {
    expect(linearPattern("^(([a-z])+.)+[A-Z]([a-z])+$")("a".repeat(50_000))).toBe(false);
  });
});

describe("ruleFor()", () => {
  test("the first that takes it is the one", () => {
    const rules = [
      rule({ name: "no", files: patterns("*.d") }),
      rule({ name: "yes" }),
      rule({ name: "late" }),
    ];
    expect(ruleFor(rules, candidate())).toBe(rules[1] as UploadRule);
  });

  const conditions: readonly (readonly [string, Partial<UploadRule>, boolean])[] = [
    ["nothing", {}, true],
    ["this user", { users: users("bert", "an*") }, true],
    ["this name", { files: patterns("*.d", "/^RUN-[0-9]/") }, true],
    ["files", { datasets: false }, true],
    ["a text in the metadata", { metadata: new Map([["instrument.kind", ["nmr", "ms"]]]) }, true],
    ["a number in the metadata", { metadata: new Map([["instrument.number", [3]]]) }, true],
    ["false in the metadata", { metadata: new Map([["instrument.isOld", [false]]]) }, true],
    ["another user", { users: users("bert") }, false],
    ["nobody", { users: [] }, false],
    ["another name", { files: patterns("*.d") }, false],
    ["folders", { datasets: true }, false],
    ["another text", { metadata: new Map([["instrument.kind", ["nmr"]]]) }, false],
    ["a text where there is a number", { metadata: new Map([["instrument.number", ["3"]]]) }, false],
    ["a field that is not there", { metadata: new Map([["instrument.kind.x", ["ms"]]]) }, false],
    ["a field of every object", { metadata: new Map([["constructor.name", ["Object"]]]) }, false],
    ["one of two that does not hold", { files: patterns("*"), users: users("bert") }, false],
  ];
  test.each(conditions)("a rule for %s", (_what, change, isTaken) => {
    expect(typeof ruleFor([rule(change)], candidate()) !== "string").toBe(isTaken);
  });

  test("where none takes it, each says why that is for this user", () => {
    const rules = [
      rule({ name: "others", users: users("bert") }),
      rule({ name: "ms", files: patterns("*.d") }),
      rule({ name: "nmr", metadata: new Map([["instrument.kind", ["nmr", 7]]]) }),
      rule({ name: "runs", datasets: true }),
    ];
    expect(ruleFor(rules, candidate())).toBe(
      'No rule of this server takes "run-1.raw": "ms" is for other names, ' +
        '"nmr" wants "instrument.kind" to be "nmr" or 7, "runs" takes folders only (send it with --dataset)',
    );
    expect(ruleFor(rules.slice(0, 1), candidate())).toBe('No rule of this server is for user "anna"');
    expect(ruleFor([], candidate())).toBe('No rule of this server is for user "anna"');
  });

  test("of a thousand rules some are named", () => {
    const rules = Array.from({ length: 1000 }, (_, index) => rule({ name: `${index}`, datasets: true }));
    expect(ruleFor(rules, candidate())).toEndWith(", and 995 more");
  });
});

test("judge() says what no rule takes, and what the schema of the one that takes it finds", async () => {
  const schema = await MetadataSchema.read(
    '{"required":["sample","run"],"properties":{"run":{"minimum":1}}}',
  );
  const endless = await MetadataSchema.read(
    '{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$ref":"#/$defs/a"}}}',
  );
  const uploads = [
    rule({ name: "ms", files: patterns("*.raw"), schema }),
    rule({ name: "odd", files: patterns("*.odd"), schema: endless }),
  ];
  const judged = (name: string, metadata: object) => {
    const post = { name, metadataText: JSON.stringify(metadata), info: {} };
    const judgement = judge("anna", post, { ...defaultUserRules, uploads }, { upload: "0", at: new Date(0) });
    return judgement.type === "refused"
      ? [judgement.refusal.code, judgement.refusal.text]
      : judgement.post.name;
  };
  expect(judged("a.raw", { sample: 1, run: 1 })).toBe("a.raw");
  expect(judged("a.odd", { b: 1 })).toBe("a.odd");
  expect(judged("a.raw", { run: 0 })).toEqual([
    422,
    'Metadata are not as the rule "ms" wants them: "sample" is missing; "run" is 0, wanted is 1 or more',
  ]);
  expect(judged("a.txt", { sample: 1 })).toEqual([
    403,
    'No rule of this server takes "a.txt": "ms" is for other names, "odd" is for other names',
  ]);
  expect(judged("a.odd", { a: 1 })).toEqual([
    422,
    'The schema of the rule "odd" cannot be applied to these metadata: it leads from one part to the next without end',
  ]);
});
