// The copy of a user's rules: by it others come to the same judgement, it tells nothing of other users' rules, and nothing that
// somebody sends in its place is believed.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256Hex } from "../../src/base/sha256-hex.ts";
import { judge, type Post, type PostRules } from "../../src/rules/judge.ts";
import { namePattern } from "../../src/rules/linear-pattern.ts";
import { MetadataSchema } from "../../src/rules/metadata-schema.ts";
import { readPathTemplate } from "../../src/rules/path-template.ts";
import { readRules, rulesText } from "../../src/rules/rules-copy.ts";
import { defaultTerms, type Terms, type Wanted } from "../../src/rules/upload-rules.ts";
import { noLimits } from "../../src/rules/user-limits.ts";

const shown = (...texts: readonly string[]) =>
  texts.map((text) => ({ text, matches: namePattern(text, true) }));
const users = (...texts: readonly string[]) => texts.map((it) => namePattern(it, false));
const never = () => false;
const placed = (path: string): Terms => ({
  ...defaultTerms,
  path: readPathTemplate(path),
  existing: "identical",
  onRefusal: "hold",
});
const beginning = { upload: "u1", at: new Date(2026, 0, 2, 3) };

const schema = await MetadataSchema.read(
  '{"required":["project"],"properties":{"project":{"pattern":"^P[0-9]+$"},"run":{"type":"integer","maximum":9007199254740993}}}',
);
const rules: PostRules = {
  limits: { files: shown("*.raw", "run*", "/^[a-c]/"), uploadBytes: 1000, contact: 'the "lab"', uploads: 3 },
  uploads: [
    { name: "secret of bert", terms: defaultTerms, users: users("bert"), files: shown("secret*") },
    {
      name: "ms",
      terms: placed("{meta.project}/{user}/{date:%Y-%m}_x{upload}/{stem}.{ext}"),
      users: users("a*"),
      files: shown("*.RAW", "[!x]1"),
      schema,
    },
    {
      name: "nmr",
      terms: { ...defaultTerms, names: "posix", existing: "number", layout: "bagit", marker: true },
      datasets: true,
      metadata: new Map<string, readonly Wanted[]>([
        ["a.b", [{ text: "/^[xz]$/", matches: namePattern("/^[xz]$/", false) }, 1, true]],
      ]),
    },
    {
      name: "barcodes",
      terms: { ...defaultTerms, layout: "openbis", untar: true },
      barcode: true,
      files: shown("Q*"),
    },
    { name: "files", terms: defaultTerms, datasets: false, files: shown("c*") },
  ],
};

describe("a copy", () => {
  const post: fc.Arbitrary<Post> = fc.record({
    name: fc.constantFrom(
      "a.raw",
      "A1",
      "x1",
      "QABCD001A0_x.raw",
      "QABCD001A1.raw",
      "run42.tar",
      "secret.raw",
      "c",
      "a/b",
      "run\u0000",
      "bert.raw",
    ),
    metadataText: fc.constantFrom(
      ...[
        '{"project":"P1"}',
        '{"untar":"True"}',
        '{"project":"P1","run":"1"}',
        '{"run":9007199254740993}',
        "{}",
        '{"_dync":1}',
      ],
      ...['{"a":{"b":1}}', '{"a":{"b":true},"project":"P2"}', '{"a":{"b":"x"}}', '{"a":{"b":"y"}}'],
    ),
    info: fc.record(
      { size: fc.constantFrom(0, 1000, 1001), unpack: fc.constant("tar" as const) },
      { requiredKeys: [] },
    ),
  });
  const sets: readonly (readonly [string, PostRules])[] = [
    ["rules of every kind", rules],
    ["no rules", { ...rules, uploads: null }],
    ["a list without any", { ...rules, uploads: [], limits: noLimits }],
  ];
  test.each(sets)("judges as the server: %s", async (_what, original) => {
    const outcomes = new Set<string>();
    for (const user of ["anna", "bert", "carl"]) {
      const copy = await readRules(rulesText(user, original), never);
      fc.assert(
        fc.property(post, (it) => {
          const judgement = judge(user, it, original, beginning);
          // What is done with it then is the server's business.
          expect({ ...judge(user, it, copy, beginning), terms: null }).toEqual({
            ...judgement,
            terms: null,
          } as never);
          outcomes.add(
            judgement.type === "accepted" ? `by ${judgement.rule}` : String(judgement.refusal.code),
          );
        }),
        { numRuns: 300 },
      );
    }
    if (original === rules)
      expect([...outcomes].toSorted()).toEqual([
        "403",
        "413",
        "422",
        "by barcodes",
        "by files",
        "by ms",
        "by nmr",
        "by secret of bert",
      ]);
  });

  test("has nothing of rules for others, nor for whom a rule is", () => {
    const text = rulesText("anna", rules);
    expect(text).toContain('"ms"');
    expect(text).not.toMatch(/secret|bert|a\*/);
    expect(rulesText("bert", rules)).not.toContain('"ms"');
  });

  test("is the same for all for whom the same rules are", () => {
    expect(sha256Hex(rulesText("anna", rules))).toBe(sha256Hex(rulesText("aline", rules)));
    expect(sha256Hex(rulesText("anna", rules))).not.toBe(sha256Hex(rulesText("carl", rules)));
  });
});

describe("what is none", () => {
  const names = "portable";
  const copy = (change: object) => JSON.stringify({ limits: {}, rules: [], ...change });
  const rule = (change: object) => copy({ rules: [{ name: "r", names, ...change }] });
  const doubled = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => [
      `a${at}`,
      { allOf: [1, 2].map(() => ({ $ref: `#/$defs/a${at + 1}` })) },
    ]),
  );
  const bomb = { $ref: "#/$defs/a0", $defs: { ...doubled, a40: {} } };
  const rows: readonly (readonly [string, string, string])[] = [
    ["nothing", "", "are no copy of any"],
    ["something else", "null", "have something that this version does not know"],
    ["depths", "[".repeat(200_000), "are no copy of any"],
    ["depths of a schema", rule({ metadata: [[["[".repeat(10)]]] }), "does not know (rules.0.metadata.0"],
    ["another form of names", rule({ names: "any" }), "does not know (rules.0.names"],
    ["no kind of names", copy({ rules: [{ name: "r" }] }), "does not know (rules.0.names"],
    ["a path that climbs", rule({ path: "../{name}" }), 'the path of the rule "r" has a part'],
    ["a limit of a later version", copy({ limits: { days: 1 } }), "does not know (limits.days)"],
    ["a condition of a later version", rule({ days: ["monday"] }), "does not know (rules.0.days)"],
    ["a text where a list is wanted", rule({ files: "*.raw" }), "does not know (rules.0.files)"],
    [
      "a pattern that is none",
      rule({ files: ["[z-a]"] }),
      'a pattern of the rule "r" is no regular expression',
    ],
    [
      "a pattern of names that is none",
      copy({ limits: { files: [""] } }),
      "a pattern of your names is empty",
    ],
    [
      "a schema that is none",
      rule({ schema: '{"type":"x"}' }),
      'the schema of the rule "r" is no JSON Schema',
    ],
    ["a schema of a page", rule({ schema: '{"$ref":"https://example.org"}' }), "nothing else is read"],
    ["a bomb", rule({ schema: JSON.stringify(bomb) }), "takes more than 100000 comparisons"],
    [
      "too many rules",
      copy({ rules: Array.from({ length: 1001 }, () => ({ name: "r", names })) }),
      "does not know (rules)",
    ],
    ["too many patterns", rule({ files: Array.from({ length: 10_001 }, () => "a") }), "have 10001 patterns"],
  ];
  test.each(rows)("%s", async (_what, text, reason) => {
    await expect(readRules(text, never)).rejects.toThrow(reason);
  });

  test("rules that take too long", async () => {
    let looks = 0;
    const text = copy({ rules: Array.from({ length: 100 }, () => ({ name: "r", names, schema: "{}" })) });
    await expect(readRules(text, () => ++looks > 3)).rejects.toThrow("take too long to be read");
  });
});
