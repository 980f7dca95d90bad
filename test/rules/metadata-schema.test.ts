// Judged by ajv, which knows the same standard: what is valid and what is not, and that nothing takes forever.

import { describe, expect, test } from "bun:test";
import Ajv from "ajv/dist/2020.js";
import fc from "fast-check";
import { limits } from "../../src/protocol/limits.ts";
import { MetadataSchema } from "../../src/rules/metadata-schema.ts";
import { NoJudgement } from "../../src/rules/no-judgement.ts";

const read = (schema: unknown) => MetadataSchema.read(JSON.stringify(schema));
type Json = Parameters<MetadataSchema["faultsOf"]>[0];

const sample = {
  type: "object",
  required: ["project", "sample"],
  properties: {
    project: { type: "string", pattern: "^P[0-9]{4}$", title: "number of the project", examples: ["P1234"] },
    sample: { type: "string", minLength: 1, maxLength: 8 },
    conc: { type: "number", minimum: 0, exclusiveMaximum: 100, multipleOf: 0.5 },
    kind: { enum: ["dna", "rna", 3, null] },
    parts: { type: "array", items: { type: "integer" }, maxItems: 2, minItems: 1, uniqueItems: true },
    plate: { type: "object", properties: { row: { const: "A" } }, required: ["row"] },
    one: { oneOf: [{ type: "string" }, { type: "number", minimum: 3 }] },
  },
  dependentRequired: { conc: ["kind"] },
  patternProperties: { "^x-": { type: "string" } },
};

describe("agrees with ajv about", () => {
  const schemas: readonly (readonly [string, object])[] = [
    ["the fields of a sample", sample],
    ["no others than these", { ...sample, additionalProperties: false }],
    ["others of one type", { ...sample, additionalProperties: { type: "integer" } }],
    ["no others, through two parts", { allOf: [sample], unevaluatedProperties: false }],
    [
      "what depends on another field",
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema has it
      { if: { required: ["conc"] }, then: { required: ["parts"] }, else: sample },
    ],
    ["either of two", { anyOf: [sample, { required: ["one", "plate"] }] }],
    ["anything but that", { not: sample }],
    ["names of fields", { propertyNames: { pattern: "^[a-z]+$", maxLength: 6 } }],
    ["what a list has to hold", { properties: { parts: { contains: { minimum: 2 }, maxContains: 1 } } }],
    [
      "parts that are named",
      { $ref: "#/$defs/a", $defs: { a: { properties: { plate: { $ref: "#" }, one: sample } } } },
    ],
  ];
  const value: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom("P1234", "Q", "", "dna", "A", "a long text", null, true, 3, -1, 0.5, 100, 2.25, 7),
    fc.array(fc.constantFrom(1, 2, 2.5, "a"), { maxLength: 3 }),
    fc.record({ row: fc.constantFrom("A", "B"), project: fc.constantFrom("P1", 4) }, { requiredKeys: [] }),
  );
  const names = [...Object.keys(sample.properties), "x-a", "X", "other"];
  const metadata = fc.record(Object.fromEntries(names.map((it) => [it, value])), { requiredKeys: [] });
  test.each(schemas)("%s", async (_what, schema) => {
    const isValid = new Ajv({ strict: false }).compile(schema);
    const ours = await read(schema);
    let valid = 0;
    fc.assert(
      fc.property(metadata, (object) => {
        const faults = ours.faultsOf(object as Json);
        expect([object, faults.length === 0]).toEqual([object, isValid(object)]);
        valid += Number(faults.length === 0);
        for (const { text } of faults) expect(text).not.toMatch(/undefined|\[object|something else/);
      }),
      { numRuns: 500, examples: [[{ project: "P1234", sample: "s" } as never], [{} as never]] },
    );
    expect(valid).toBeGreaterThan(0);
  });
});

describe("says in words", () => {
  const texts: readonly (readonly [string, object, Json, readonly string[]])[] = [
    [
      "what is missing, with what the schema says of it",
      sample,
      {},
      ['"project" (number of the project, such as "P1234") and "sample" are missing'],
    ],
    [
      "what is there, and what is wanted",
      sample,
      { project: "Q", sample: "", conc: "3", kind: "xna" },
      [
        '"project" is "Q", wanted is a text that fits "^P[0-9]{4}$" (number of the project, such as "P1234")',
        '"sample" has 0 characters, wanted is a text of at least 1 character',
        '"conc" is the text "3", wanted is a number',
        '"kind" is "xna", wanted is "dna", "rna", 3 or null',
      ],
    ],
    [
      "where in a list or a group",
      sample,
      { project: "P1234", sample: "s", parts: [1, "a"], plate: {} },
      ['"parts[1]" is the text "a", wanted is a whole number', '"plate.row" is missing'],
    ],
    [
      "which field was probably meant",
      { properties: sample.properties, additionalProperties: false },
      { smaple: 1, nothing: 2 },
      [
        '"smaple" is not a field that is known here; did you mean "sample"?',
        '"nothing" is not a field that is known here',
      ],
    ],
    [
      "a format by an example",
      { properties: { day: { format: "date" }, of: { format: "uuid" } } },
      { day: "31.1.2026", of: "7" },
      ['"day" is "31.1.2026", wanted is a date such as 2026-01-31', '"of" is "7", wanted is a UUID'],
    ],
    [
      "which values a field may have by one form or another, in one sentence",
      {
        properties: {
          one: {
            anyOf: [{ type: "string" }, { type: "number", minimum: 3 }, { type: "string", maxLength: 1 }],
          },
        },
      },
      { one: true },
      ['"one" is true, wanted is a text or a number'],
    ],
    [
      "that more than one form fits",
      { properties: { one: { oneOf: [{ type: "number" }, { minimum: 3 }, { type: "string" }] } } },
      { one: 5 },
      ['"one" fits 2 of 3 forms at once, wanted is exactly one of them'],
    ],
    [
      "which of some fields have to be there",
      { anyOf: [{ required: ["a"] }, { required: ["b", "c", "d"] }] },
      { b: 1 },
      ['"a" or "c" and "d" has to be there'],
    ],
    [
      "what the form lacks that is meant, where a field tells",
      {
        properties: { s: { oneOf: [{ $ref: "#/$defs/A" }, { $ref: "#/$defs/B" }] } },
        $defs: {
          A: { properties: { kind: { const: "a" }, n: { type: "integer" } }, required: ["n"] },
          B: { properties: { kind: { const: "b" } }, required: ["kind", "m"] },
        },
      },
      { s: { kind: "a", n: "1" } },
      ['"s.n" is the text "1", wanted is a whole number'],
    ],
    [
      "which kinds there are, where it is none of them",
      {
        oneOf: ["ms", "nmr"].map((kind) => ({
          properties: { kind: { const: kind } },
          required: ["kind", `of ${kind}`],
        })),
      },
      { kind: "gc" },
      ['"kind" is "gc", wanted is "ms" or "nmr"'],
    ],
    [
      "what each form lacks, where none does",
      {
        anyOf: [
          { title: "old", required: ["a"] },
          { properties: { b: { const: 2 } } },
          { anyOf: [{ required: ["x"] }, { type: "array" }] },
        ],
      },
      { b: 1 },
      [
        'the metadata fit none of 3 forms: (old) "a" is missing (2) "b" is 1, wanted is 2 (3) the metadata fit none of 2 forms',
      ],
    ],
    [
      "a name that does not fit as the name that it is",
      { propertyNames: { pattern: "^[a-z]+$" } },
      { ABC: 1, d: 2 },
      ['the name of the field "ABC" does not fit, wanted is a text that fits "^[a-z]+$"'],
    ],
    [
      "what a list lacks, and not what each of its values does",
      { properties: { p: { contains: { minimum: 2 } } } },
      { p: [1, 0] },
      ['"p" is a list, wanted is a list with 1 value or more of what it has to hold'],
    ],
    [
      "what must not be there",
      { not: { required: ["a", "b"] } },
      { a: 1, b: 2 },
      ['"a" and "b" must not be there together'],
    ],
    [
      "nothing that steers a terminal",
      { properties: { a: { const: 1 } } },
      { a: "\u001b[2J\u202e" },
      ['"a" is "\\u001b[2J\\u202e", wanted is 1'],
    ],
  ];
  test.each(texts)("%s", async (_what, schema, metadata, faults) => {
    expect((await read(schema)).faultsOf(metadata).map(({ text }) => text)).toEqual([...faults]);
  });

  test("at most twenty faults", async () => {
    const schema = await read({ additionalProperties: false });
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`f${index}`, 1]));
    const faults = schema.faultsOf(many);
    expect(faults.length).toBe(21);
    expect(faults.at(-1)).toEqual({ path: "", text: "and 80 more" });
  });

  test("no more than an answer holds, however long each is", async () => {
    const words = "long word ".repeat(50);
    const names = Array.from({ length: 30 }, (_, index) => `${index}${"\u0001".repeat(200)}`);
    const fields = names.map((it) => [it, { type: "string", title: words, examples: [words] }] as const);
    const schema = await read({ properties: Object.fromEntries(fields) });
    const faults = schema.faultsOf(Object.fromEntries(names.map((it) => [it, 1])));
    expect(Buffer.byteLength(JSON.stringify(faults))).toBeLessThan(limits.faultsBytesMax);
    const told = faults.length - 1;
    expect(told).toBeGreaterThan(0);
    expect(faults.at(-1)).toEqual({ path: "", text: `and ${30 - told} more` });
  });

  test("no more than a line holds, however many forms there are and whatever they want", async () => {
    const fields = Array.from({ length: 50 }, (_, at) => [
      `${at}${"x".repeat(200)}`,
      { type: "integer", title: "y".repeat(500) },
    ]);
    const form = { properties: Object.fromEntries(fields) };
    const schema = await read({ anyOf: Array.from({ length: 50 }, () => ({ anyOf: [form, form] })) });
    const [fault, another] = schema.faultsOf(
      Object.fromEntries(fields.map(([name]) => [name as string, "1"])),
    );
    expect(another).toBe(undefined);
    expect(fault?.text.length).toBeLessThan(2500);
    expect(fault?.text).toEndWith("and 46 more");
  });

  test("how many there are, of a list with very many, in no time", async () => {
    const schema = await read({
      properties: { a: { items: { anyOf: [{ type: "string" }, { const: true }] } } },
    });
    const faults = schema.faultsOf({ a: Array.from({ length: 20_000 }, (_, at) => at) });
    expect(faults.length).toBe(21);
    expect(faults[0]?.text).toBe('"a[0]" is 0, wanted is a text or true');
    expect(faults.at(-1)?.text).toMatch(/^and \d{5} more$/);
  });

  test("of which field, and which types it may have", async () => {
    const schema = await read({
      properties: { a: { properties: { b: { type: ["integer", "null"] } } }, c: { const: 1 } },
    });
    expect(schema.faultsOf({ a: { b: "1" }, c: 2 }).map(({ path, types }) => [path, types])).toEqual([
      ["a.b", ["integer", "null"]],
      ["c", undefined],
    ]);
  });
});

const doubled = (depth: number): object => ({
  $ref: "#/$defs/a0",
  $defs: Object.fromEntries(
    Array.from({ length: depth }, (_, index) => {
      const next = { $ref: `#/$defs/a${index + 1}` };
      return [`a${index}`, index === depth - 1 ? {} : { allOf: [next, next] }];
    }),
  ),
});

const refused: readonly (readonly [string, string, string])[] = [
  ["no JSON", '{"a"', "is not valid JSON at line 1, column 5"],
  ["no object", "[]", "is no JSON object"],
  ["a member twice", '{"type":"object","type":"object"}', "has type twice"],
  ["nesting", `${'{"not":'.repeat(200)}{}${"}".repeat(200)}`, "is nested deeper than 100 levels"],
  ["another version", '{"$schema":"http://json-schema.org/draft-07/schema#"}', "wanted"],
  ["a type that there is not", '{"properties":{"a":{"type":"text"}}}', "properties.a.type is not what"],
  ["a bound of another type", '{"properties":{"a":{"minimum":"3"}}}', "properties.a.minimum is not what"],
  ["a slip in a keyword", '{"requird":["a"]}', 'a keyword that is none; did you mean "required"?'],
  ["an unknown format", '{"properties":{"a":{"format":"day"}}}', 'The format "day" is not known'],
  [
    "a pattern that looks back",
    '{"properties":{"a":{"pattern":"(a)\\\\1"}}}',
    "is no regular expression of RE2's",
  ],
  [
    "a name's pattern that is none",
    '{"patternProperties":{"(?=a)":{}}}',
    "is no regular expression of RE2's",
  ],
  ["a reference to a page", '{"$ref":"https://example.org/a.json"}', "nothing else is read"],
  ["a reference to a file", '{"$ref":"file:///etc/passwd"}', "nothing else is read"],
  ["a reference to nothing", '{"$ref":"#/$defs/a"}', "cannot be read"],
  ["itself", '{"$ref":"#"}', "leads from one part to the next without end"],
  ["a bomb", JSON.stringify(doubled(40)), "takes more than 100000 comparisons"],
];
test.each(refused)("a schema with %s is refused", async (_what, text, reason) => {
  expect(MetadataSchema.read(text)).rejects.toThrow(reason);
});

test("a schema that is endless for some metadata judges none of these", async () => {
  const schema = await read({
    properties: { a: { $ref: "#/$defs/a" } },
    $defs: { a: { $ref: "#/$defs/a" } },
  });
  expect(schema.faultsOf({})).toEqual([]);
  expect(() => schema.faultsOf({ a: 1 })).toThrow(NoJudgement);
  expect(schema.faultsOf({})).toEqual([]);
});

test("no text makes an expression take long", async () => {
  const schema = await read({
    properties: { a: { pattern: "^(a+)+$" }, b: { format: "email" }, c: { format: "uri" } },
    patternProperties: { "^(a|a)*b$": { type: "string" } },
    additionalProperties: { type: "string" },
  });
  const long = "a".repeat(100_000);
  expect(schema.faultsOf({ a: `${long}!`, b: long, c: `x:${long}`, [`${long}c`]: 1 }).length).toBe(4);
});
