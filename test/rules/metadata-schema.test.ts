// Judged by ajv, which knows the same standard: what is valid and what is not, and that nothing takes forever.

import { describe, expect, test } from "bun:test";
import Ajv from "ajv/dist/2020.js";
import fc from "fast-check";
import { limits } from "../../src/protocol/limits.ts";
import { MetadataSchema, NoJudgement } from "../../src/rules/metadata-schema.ts";

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
