// What a steward wants metadata to say: a JSON Schema (2020-12, https://json-schema.org/draft/2020-12), read once and asked for each
// upload. A schema that would take forever, or that contradicts itself endlessly, is noticed and judges nothing.

import { registerSchema, unregisterSchema } from "@hyperjump/json-schema/draft-2020-12";
import {
  type CompiledSchema,
  compile,
  DETAILED,
  type EvaluationPlugin,
  getSchema,
  interpret,
} from "@hyperjump/json-schema/experimental";
import { fromJs } from "@hyperjump/json-schema/instance/experimental";
import { closest } from "../base/closest.ts";
import { DyncError, type Fault, messageOf } from "../base/error.ts";
import { readJson } from "../base/json-text.ts";
import { limits } from "../protocol/limits.ts";
import { NoJudgement } from "./no-judgement.ts";
import { dialect } from "./schema-dialect.ts";
import { type FindingTree, faultsOf } from "./schema-faults.ts";
import { type Finding, pathOf, type SchemaObject } from "./schema-words.ts";

// A schema compares this many of its parts with one object at most: some 50 ms.
const stepsMax = 100_000;
// So many faults are enough to begin with.
const faultsMax = 20;
const depthMax = 100;
const unknownKeyword = "https://json-schema.org/keyword/unknown#";

type Json = Parameters<typeof fromJs>[0];

let schemasRead = 0;

export class MetadataSchema {
  /** As it was read. */
  readonly text: string;
  readonly #compiled: CompiledSchema;
  readonly #root: SchemaObject;

  private constructor(text: string, compiled: CompiledSchema, root: SchemaObject) {
    this.text = text;
    this.#compiled = compiled;
    this.#root = root;
  }

  /**
   * The schema whose JSON is `text`.
   *
   * @throws DyncError "configuration" when it is none: what is wrong with it, where.
   */
  static async read(text: string): Promise<MetadataSchema> {
    const root = parsed(text);
    const uri = `https://schemas.invalid/${++schemasRead}`;
    let schema: MetadataSchema;
    try {
      registerSchema(root as never, uri, dialect);
      const compiled = await compile(await getSchema(uri));
      refuseUnknownKeywords(compiled);
      schema = new MetadataSchema(text, compiled, root);
    } catch (cause) {
      throw cause instanceof DyncError ? cause : refusal(reasonOf(cause), cause);
    } finally {
      unregisterSchema(uri);
    }
    schema.#tryOut();
    return schema;
  }

  /**
   * What is wrong with the metadata object `metadata`, each a sentence that names the field; none when it is as it has to be.
   *
   * @throws NoJudgement when that cannot be told.
   */
  faultsOf(metadata: Json): readonly Fault[] {
    const faults = guarded(() => faultsOf(this.#judge(metadata), this.#root, metadata));
    const told = faults.filter(({ text }) => text !== "");
    const distinct = [...new Map(told.map((it) => [it.text, it])).values()];
    return firstFaults(distinct, faults.length - told.length);
  }

  #judge(metadata: Json): readonly FindingTree[] {
    const options = { outputFormat: DETAILED, plugins: [new StepCounter()] };
    const output = interpret(this.#compiled, fromJs(metadata), options);
    return output.valid ? [] : (output.errors as readonly FindingTree[]);
  }

  // One that leads to itself does so with every object.
  #tryOut(): void {
    try {
      this.faultsOf({});
    } catch (cause) {
      throw refusal(`cannot be applied to an empty object: it ${messageOf(cause)}`, cause);
    }
  }
}

/** As many of `faults` as are enough, and as an error can tell; and how many more there are, with `further` others. */
function firstFaults(faults: readonly Fault[], further: number): readonly Fault[] {
  for (let count = Math.min(faults.length, faultsMax); ; count--) {
    const rest = faults.length - count + further;
    const more = rest === 0 ? [] : [{ path: "", text: `and ${rest} more` }];
    const told = [...faults.slice(0, count), ...more];
    if (count === 0 || Buffer.byteLength(JSON.stringify(told)) <= limits.faultsBytesMax) return told;
  }
}

class StepCounter implements EvaluationPlugin {
  #steps = 0;

  beforeSchema(): void {
    if (++this.#steps > stepsMax) throw new NoJudgement(`takes more than ${stepsMax} comparisons`);
  }
}

function guarded(judge: () => readonly Fault[]): readonly Fault[] {
  try {
    return judge();
  } catch (cause) {
    if (cause instanceof NoJudgement) throw cause;
    // Or else a slip of ours or of the library's: nothing is known either.
    const reason =
      cause instanceof RangeError ? "leads from one part to the next without end" : messageOf(cause);
    throw new NoJudgement(reason, { cause });
  }
}

function parsed(text: string): SchemaObject {
  const reading = readJson(text, depthMax);
  if (reading.type === "too-deep") throw refusal(`is nested deeper than ${depthMax} levels`);
  if (reading.type === "no-json") {
    const { line, column, reason } = reading.fault;
    throw refusal(`is not valid JSON at line ${line}, column ${column}: ${reason}`);
  }
  if (reading.content.members === null) throw refusal("is no JSON object");
  const [twice] = reading.content.repeated;
  if (twice !== undefined) throw refusal(`has ${twice} twice`);
  const root = JSON.parse(text) as SchemaObject;
  if ((root.$schema ?? dialect) !== dialect)
    throw refusal(`says "$schema": ${JSON.stringify(root.$schema)}, wanted ${JSON.stringify(dialect)}`);
  return root;
}

// What the standard lets pass is a slip, as a rule: a field that nobody checks.
function refuseUnknownKeywords({ ast }: CompiledSchema): void {
  for (const nodes of Object.values(ast)) {
    if (!Array.isArray(nodes)) continue;
    for (const [id, location] of nodes) {
      if (!id.startsWith(unknownKeyword)) continue;
      const name = id.slice(unknownKeyword.length);
      if (name.startsWith("x-")) continue;
      const similar = closest(name, keywords);
      const hint = similar === null ? "" : `; did you mean "${similar}"?`;
      throw refusal(`has at ${pathOf(location) || "its top"} a keyword that is none${hint}`);
    }
  }
}

const keywords =
  "$anchor $comment $defs $dynamicAnchor $dynamicRef $id $ref $schema additionalProperties allOf anyOf const contains contentEncoding contentMediaType contentSchema default dependentRequired dependentSchemas deprecated description else enum examples exclusiveMaximum exclusiveMinimum format if items maxContains maxItems maxLength maxProperties maximum minContains minItems minLength minProperties minimum multipleOf not oneOf pattern patternProperties prefixItems properties propertyNames readOnly required then title type unevaluatedItems unevaluatedProperties uniqueItems writeOnly".split(
    " ",
  );

function reasonOf(cause: unknown): string {
  const output = (cause as { output?: { errors?: readonly Finding[] } }).output;
  const [first] = (output?.errors ?? []).toSorted(
    (a, b) => b.instanceLocation.length - a.instanceLocation.length,
  );
  const [, elsewhere] = /^Unable to load resource '(.*?)'/.exec(messageOf(cause)) ?? [];
  if (elsewhere !== undefined) return `refers to "${elsewhere}", which is not in it: nothing else is read`;
  if (first === undefined) return `cannot be read: ${messageOf(cause)}`;
  return `is no JSON Schema of 2020-12: ${pathOf(first.instanceLocation) || "it"} is not what the standard allows`;
}

function refusal(reason: string, cause?: unknown): DyncError {
  return new DyncError("configuration", reason, { cause });
}
