// What a schema finds wrong, in the words of those who filled the fields in: which field, what is there, what is wanted. Where a
// schema says of a field what it is (`title`, `description`, `examples`), its own words are used.

import { closest } from "../base/closest.ts";
import { quotedText } from "../base/cut-text.ts";
import type { Fault } from "../base/error.ts";

/** A part of a schema, as it was written. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** Something that is not as a schema wants it, as JSON Schema's output has it (core, section 12). */
export interface Finding {
  /** URI of the keyword. */
  readonly keyword: string;
  readonly absoluteKeywordLocation: string;
  /** JSON pointer behind "#". */
  readonly instanceLocation: string;
}

const valueBytesMax = 60;
const listMax = 12;

/** A fault, and what a sentence about several of them is made of. */
export interface Told extends Fault {
  /** The beginning of the sentence: the field, and what is there. */
  readonly fact?: string;
  /** Its end: what is wanted instead. */
  readonly wanted?: string;
  /** It is one of some values that is wanted. */
  readonly isChoice?: boolean;
  /** Name of the field within its group. */
  readonly name?: string | undefined;
  /** The sentence without what makes it long. */
  readonly short?: string;
}

/** What `finding`, of the schema `root`, is in `metadata`. */
export function describe(finding: Finding, root: SchemaObject, metadata: unknown): Told {
  const { instanceLocation } = finding;
  const steps = stepsOf(instanceLocation);
  const [place, keyword] = placeOf(finding, root);
  const path = pathOf(instanceLocation);
  // What was looked at may be the name of a field.
  const isName = instanceLocation.startsWith(nameMark);
  const there = isName ? steps.at(-1) : at(metadata, steps);
  if (keyword === "required" || keyword === "dependentRequired") {
    const missing = missingNames(place, there);
    const names = missing.map((name) => nameOf([...steps, name]));
    return { path, text: missingText(place, missing, names), missing: names };
  }
  if (isUnwanted(finding, keyword)) return { path, text: unwantedText(finding, root, steps) };
  const unwanted = keyword === "not" ? unwantedFields(place.not, there, steps) : null;
  if (unwanted !== null) return { path, text: unwanted };
  const wanted =
    (wordsFor[keyword]?.(place[keyword] as never, place) ?? "something else") + aboutField(place);
  const fact = isName ? `the name of the field "${path}"` : fieldText(instanceLocation);
  const found = isName ? `${fact} does not fit` : `${fact} ${factOf(there, keyword)}`;
  const types = keyword === "type" ? [place.type].flat().filter((it) => typeof it === "string") : [];
  return {
    path,
    text: `${found}, wanted is ${wanted}`,
    fact: found,
    wanted,
    isChoice: keyword === "const" || keyword === "enum",
    name: steps.at(-1),
    ...(types.length === 0 ? {} : { types }),
  };
}

/** The field at a JSON pointer behind a "#", as the subject of a sentence. */
export function fieldText(location: string): string {
  const steps = stepsOf(location);
  return steps.length === 0 ? "the metadata" : `"${nameOf(steps)}"`;
}

// Before the pointer of a member whose name is meant.
const nameMark = "#*";

/** Name of the field at a JSON pointer behind a "#": `sample.parts[0]`. */
export function pathOf(location: string): string {
  return nameOf(stepsOf(location));
}

const wordsFor: Readonly<Record<string, (value: never, place: SchemaObject) => string>> = {
  type: (types: string | readonly string[]) => listOf([types].flat().map((it) => typeNames[it] ?? it)),
  enum: (values: readonly unknown[]) => listOf(values.map(shown)),
  const: (value: unknown) => shown(value),
  pattern: (text: string) => `a text that fits ${quotedText(text, valueBytesMax)}`,
  format: (name: string) => formatNames[name] ?? `a ${name}`,
  minLength: (count: number) => `a text of at least ${counted(count, "character")}`,
  maxLength: (count: number) => `a text of at most ${counted(count, "character")}`,
  minimum: (limit: number) => `${limit} or more`,
  maximum: (limit: number) => `${limit} or less`,
  exclusiveMinimum: (limit: number) => `more than ${limit}`,
  exclusiveMaximum: (limit: number) => `less than ${limit}`,
  multipleOf: (step: number) => `a multiple of ${step}`,
  minItems: (count: number) => `a list of at least ${counted(count, "value")}`,
  maxItems: (count: number) => `a list of at most ${counted(count, "value")}`,
  uniqueItems: () => "a list in which nothing comes twice",
  minProperties: (count: number) => `at least ${counted(count, "field")}`,
  maxProperties: (count: number) => `at most ${counted(count, "field")}`,
  contains: (_: unknown, place) =>
    `a list with ${counted(Number(place.minContains ?? 1), "value")} or more of what it has to hold`,
  maxContains: (count: number) => `a list with at most ${count} of what it may hold`,
  minContains: (count: number) => `a list with at least ${count} of what it has to hold`,
  not: () => "anything but that",
  oneOf: (choices: readonly unknown[]) => `what fits exactly one of ${choices.length} forms`,
  anyOf: (choices: readonly unknown[]) => `what fits one of ${choices.length} forms`,
  propertyNames: () => "fields whose names fit",
};

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  null: "null",
  array: "a list",
  object: "a group of fields",
};

const formatNames: Readonly<Record<string, string>> = {
  date: "a date such as 2026-01-31",
  "date-time": "a date and time such as 2026-01-31T14:00:00Z",
  time: "a time such as 14:00:00Z",
  duration: "a duration such as P1DT2H",
  email: "an e-mail address",
  hostname: "a host name",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  uri: "a URI such as https://example.org/a",
  uuid: "a UUID",
  regex: "a regular expression",
};

function missingNames(place: SchemaObject, there: unknown): readonly string[] {
  const has = (name: string): boolean => isObject(there) && Object.hasOwn(there, name);
  return [
    ...(Array.isArray(place.required) ? place.required : []),
    ...Object.entries(isObject(place.dependentRequired) ? place.dependentRequired : {}).flatMap(
      ([name, others]) => (has(name) ? (others as string[]) : []),
    ),
  ].filter((name, index, all) => !has(name) && all.indexOf(name) === index);
}

function missingText(place: SchemaObject, missing: readonly string[], names: readonly string[]): string {
  const fields = isObject(place.properties) ? place.properties : {};
  const texts = names.map((name, index) => `"${name}"${aboutField(fields[missing[index] as string])}`);
  return `${listOf(texts, "and")} ${names.length === 1 ? "is" : "are"} missing`;
}

const unwantedBy = new Set(["additionalProperties", "unevaluatedProperties"]);

function isUnwanted(finding: Finding, keyword: string): boolean {
  return unwantedBy.has(keyword) || finding.keyword.endsWith("/evaluation/validate");
}

/** Of a field that is there and should not be. */
function unwantedText(finding: Finding, root: SchemaObject, steps: readonly string[]): string {
  const name = steps.at(-1);
  if (name === undefined) return "no metadata is wanted";
  const [place] = placeOf(finding, root);
  const known = Object.keys(isObject(place.properties) ? place.properties : {});
  const near = closest(name, known);
  const hint = near === null ? "" : `; did you mean "${nameOf([...steps.slice(0, -1), near])}"?`;
  return `"${nameOf(steps)}" is not a field that is known here${hint}`;
}

/** Of fields that a schema wants not to be there together, where that is all it says. */
function unwantedFields(schema: unknown, there: unknown, steps: readonly string[]): string | null {
  if (!isObject(schema) || !isObject(there) || !Array.isArray(schema.required)) return null;
  if (Object.keys(schema).some((it) => it !== "required")) return null;
  const names = schema.required.map((it) => `"${nameOf([...steps, String(it)])}"`);
  return `${listOf(names, "and")} must not be there${names.length > 1 ? " together" : ""}`;
}

// The part of the schema that has the keyword, and the keyword. What lies in a part with an address of its own is not looked up.
export function placeOf(
  { absoluteKeywordLocation: location }: Pick<Finding, "absoluteKeywordLocation">,
  root: SchemaObject,
): [SchemaObject, string] {
  const steps = stepsOf(location);
  const keyword = steps.at(-1) ?? "";
  const place = at(root, steps.slice(0, -1));
  return [isObject(place) && Object.hasOwn(place, keyword) ? place : {}, keyword];
}

function factOf(there: unknown, keyword: string): string {
  if (there === undefined) return "is missing";
  const length = typeof there === "string" && /Length$/.test(keyword) ? [...there].length : null;
  if (length !== null) return `has ${counted(length, "character")}`;
  if (Array.isArray(there) && /Items$/.test(keyword) && keyword !== "uniqueItems")
    return `has ${counted(there.length, "value")}`;
  if (typeof there === "string" && keyword === "type") return `is the text ${shown(there)}`;
  return `is ${shown(there)}`;
}

/** The schema's own words about a field, in brackets. */
function aboutField(place: unknown): string {
  if (!isObject(place)) return "";
  const words = [place.title ?? place.description].filter((it) => typeof it === "string");
  const [example] = Array.isArray(place.examples) ? place.examples : [];
  const parts = words.map((it) => quotedText(it as string, 2 * valueBytesMax).slice(1, -1));
  if (example !== undefined) parts.push(`such as ${shown(example)}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function shown(value: unknown): string {
  if (typeof value === "string") return quotedText(value, valueBytesMax);
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "a group of fields";
  return String(value);
}

export function listOf(texts: readonly string[], last: "or" | "and" = "or"): string {
  const some =
    texts.length > listMax ? [...texts.slice(0, listMax), `${texts.length - listMax} more`] : texts;
  if (some.length < 2) return some.join("");
  return `${some.slice(0, -1).join(", ")} ${last} ${some.at(-1)}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** `sample.parts[0]`: names between dots, places of a list in brackets. */
function nameOf(steps: readonly string[]): string {
  const text = steps.map((it) => (/^\d+$/.test(it) ? `[${it}]` : `.${it}`)).join("");
  return quotedText(text.replace(/^\./, ""), 4 * valueBytesMax).slice(1, -1);
}

/** The steps of the JSON pointer behind "#" (RFC 6901, section 6). */
export function stepsOf(location: string): readonly string[] {
  const pointer = location.slice(location.indexOf("#") + 1);
  return pointer
    .split("/")
    .slice(1)
    .map((it) => decodeURIComponent(it).replaceAll("~1", "/").replaceAll("~0", "~"));
}

function at(value: unknown, steps: readonly string[]): unknown {
  let there = value;
  for (const step of steps) {
    if (typeof there !== "object" || there === null || !Object.hasOwn(there, step)) return undefined;
    there = (there as Readonly<Record<string, unknown>>)[step];
  }
  return there;
}

function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
