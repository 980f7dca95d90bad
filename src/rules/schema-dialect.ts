// JSON Schema 2020-12 as we have it: patterns in RE2's syntax, formats checked, nothing fetched from anywhere. The library keeps
// its keywords for the whole process, hence a file of its own that sets them once.

import {
  type Browser,
  entries as entriesOf,
  keys as keysOf,
  typeOf as kindOf,
  removeUriSchemePlugin,
  step,
  value as textOf,
} from "@hyperjump/browser";
import { setMetaSchemaOutputFormat, setShouldValidateFormat } from "@hyperjump/json-schema/draft-2020-12";
import "@hyperjump/json-schema/formats-lite";
import {
  addKeyword,
  BASIC,
  getKeyword,
  type Keyword,
  type SchemaDocument,
  Validation,
  type ValidationContext,
} from "@hyperjump/json-schema/experimental";
import { entries, type JsonNode, typeOf, value } from "@hyperjump/json-schema/instance/experimental";
import { linearPattern, type Matches } from "./linear-pattern.ts";

/** What `$schema` has to say, if it says anything. */
export const dialect = "https://json-schema.org/draft/2020-12/schema";

/** Which formats are checked: the standard's, but those for names in other scripts than a computer's. */
const formats = [
  ...["date", "date-time", "duration", "time", "email", "ipv4", "ipv6", "uri", "uri-reference", "iri"],
  ...["iri-reference", "json-pointer", "regex", "relative-json-pointer", "uri-template", "uuid"],
];

// The library checks formats with JavaScript's own expressions: what is longer has none.
const formatLengthMax = 1000;
const keyword = "https://json-schema.org/keyword/";

type SchemaBrowser = Browser<SchemaDocument>;
/** Which members of an object were looked at: what `unevaluatedProperties` asks about. */
type Context = ValidationContext & { readonly evaluatedProperties?: Set<string> };

const pattern: Keyword<Matches> = {
  id: `${keyword}pattern`,
  compile: async (schema) => linear(textOf<string>(schema)),
  interpret: (matches, node) => typeOf(node) !== "string" || matches(value<string>(node)),
};

const patternProperties: Keyword<readonly (readonly [Matches, string])[], Context> = {
  id: `${keyword}patternProperties`,
  simpleApplicator: true,
  async compile(schema, ast, parent) {
    const patterns: [Matches, string][] = [];
    for await (const [text, behind] of entriesOf(schema))
      patterns.push([linear(text), await Validation.compile(behind as SchemaBrowser, ast, parent)]);
    return patterns;
  },
  interpret: (patterns, node, context) =>
    patterns.map(([matches, uri]) => eachMember(node, context, matches, uri)).every((isValid) => isValid),
};

const additionalProperties: Keyword<readonly [Matches, string], Context> = {
  id: `${keyword}additionalProperties`,
  simpleApplicator: true,
  async compile(schema, ast, parent) {
    const names = new Set(await namesIn(parent, "properties"));
    const patterns = (await namesIn(parent, "patternProperties")).map(linear);
    const isOther = (name: string): boolean => !names.has(name) && !patterns.some((matches) => matches(name));
    return [isOther, await Validation.compile(schema, ast, parent)];
  },
  interpret: ([isOther, uri], node, context) => eachMember(node, context, isOther, uri),
};

/** Whether the members of `node` whose names are meant are valid by the schema at `uri`. All of them are looked at. */
function eachMember(node: JsonNode, context: Context, isMeant: Matches, uri: string): boolean {
  if (typeOf(node) !== "object") return true;
  let isValid = true;
  for (const [name, member] of entries(node)) {
    const text = value<string>(name as JsonNode);
    if (!isMeant(text)) continue;
    if (!Validation.interpret(uri, member as JsonNode, context)) isValid = false;
    context.evaluatedProperties?.add(text);
  }
  return isValid;
}

async function namesIn(parent: SchemaBrowser, name: string): Promise<readonly string[]> {
  const members = (await step(name, parent)) as SchemaBrowser;
  return kindOf(members) === "object" ? [...keysOf(members)] : [];
}

const standardFormat = getKeyword<string>(`${keyword}draft-2020-12/format`);
const format: Keyword<string> = {
  ...standardFormat,
  async compile(schema) {
    const name = textOf<string>(schema);
    if (!formats.includes(name))
      throw new Error(`The format ${JSON.stringify(name)} is not known: there are ${formats.join(", ")}`);
    return name;
  },
  interpret: (name, node, context) =>
    (typeOf(node) !== "string" || value<string>(node).length <= formatLengthMax) &&
    standardFormat.interpret(name, node, context),
};

function linear(text: string): Matches {
  try {
    return linearPattern(text);
  } catch (error) {
    throw new Error(`The pattern ${JSON.stringify(text)} ${(error as Error).message}`);
  }
}

for (const scheme of ["http", "https", "file"]) removeUriSchemePlugin(scheme);
setShouldValidateFormat(true);
setMetaSchemaOutputFormat(BASIC);
addKeyword(pattern);
addKeyword(patternProperties as Keyword<unknown>);
addKeyword(additionalProperties as Keyword<unknown>);
addKeyword(format);
