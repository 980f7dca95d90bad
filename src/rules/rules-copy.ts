// What concerns one user of a server's rules, as a text by which somebody else comes to the same judgement: the server writes it,
// and a client that is offline reads it. Rules for other users are not in it. Pure.

import * as v from "valibot";
import { DyncError, messageOf } from "../base/error.ts";
import { readJson } from "../base/json-text.ts";
import { limits } from "../protocol/limits.ts";
import { nameKinds } from "../upload/names.ts";
import type { PostRules } from "./judge.ts";
import type { MetadataSchema } from "./metadata-schema.ts";
import { readPathTemplate, templateText } from "./path-template.ts";
import { shownPattern, wantedOf } from "./read-pattern.ts";
import { defaultTerms, ruleLayouts, type UploadRule, wantedText, whenRefused } from "./upload-rules.ts";
import type { ShownPattern } from "./user-limits.ts";

// The document, its rules, one of them, its conditions, one of these, its values.
const depthMax = 6;
const rulesMax = 1000;
const patternsMax = 10_000;

const texts = v.array(v.string());
const ruleSchema = v.strictObject({
  name: v.string(),
  files: v.optional(texts),
  datasets: v.optional(v.boolean()),
  barcode: v.optional(v.boolean()),
  metadata: v.optional(
    v.array(v.tuple([v.string(), v.array(v.union([v.string(), v.number(), v.boolean()]))])),
  ),
  /** Text of a JSON Schema. */
  schema: v.optional(v.string()),
  /** Of what is done with what it takes that which can refuse it. */
  path: v.optional(v.string()),
  names: v.picklist(nameKinds),
  layout: v.optional(v.picklist(ruleLayouts)),
  untar: v.optional(v.boolean()),
  onRefusal: v.optional(v.picklist(whenRefused)),
  marker: v.optional(v.boolean()),
});
// Strict: whoever does not know a condition comes to another judgement.
const copySchema = v.strictObject({
  limits: v.strictObject({
    files: v.optional(texts),
    uploadBytes: v.optional(v.number()),
    contact: v.optional(v.string()),
  }),
  rules: v.nullable(v.pipe(v.array(ruleSchema), v.maxLength(rulesMax))),
});

type RuleCopy = v.InferOutput<typeof ruleSchema>;

/** The rules of `user`, of which `rules` are everybody's, as JSON. Equal texts judge alike. */
export function rulesText(user: string, { uploads, limits: granted }: PostRules): string {
  const { files, uploadBytes, contact } = granted;
  const mine = uploads?.filter(({ users }) => users?.some((matches) => matches(user)) !== false);
  const copy: v.InferOutput<typeof copySchema> = {
    limits: { files: files?.map(({ text }) => text), uploadBytes, contact },
    rules: mine?.map(copyOf) ?? null,
  };
  return JSON.stringify(copy);
}

/**
 * The rules that `text` is a copy of; `isLate` ends what takes too long.
 *
 * @throws DyncError "malformed" when it is none, or one of a later version: as the rest of a sentence.
 */
export async function readRules(text: string, isLate: () => boolean): Promise<PostRules> {
  // Nobody's stack is used up by what is no copy.
  if (readJson(text, depthMax).type !== "json") throw refusal("are no copy of any");
  const reading = v.safeParse(copySchema, JSON.parse(text));
  if (!reading.success)
    throw refusal(`have something that this version does not know (${whereOf(reading.issues)})`);
  const { limits: granted, rules } = reading.output;
  const patterns = [granted, ...(rules ?? [])].reduce((sum, { files }) => sum + (files?.length ?? 0), 0);
  if (patterns > patternsMax) throw refusal(`have ${patterns} patterns, at most ${patternsMax} are read`);
  const uploads: UploadRule[] = [];
  for (const rule of rules ?? []) {
    if (isLate()) throw refusal("take too long to be read");
    uploads.push(await ruleOf(rule));
  }
  const files = await readPart("a pattern of your names", () => granted.files?.map(filePattern));
  return { uploads: rules === null ? null : uploads, limits: { ...granted, files } };
}

function copyOf({
  name,
  users: _,
  files,
  datasets,
  barcode,
  metadata,
  schema,
  terms,
  ...others
}: UploadRule): RuleCopy {
  // A condition that is not written here is one that is not judged elsewhere.
  others satisfies Record<string, never>;
  const {
    path,
    names,
    layout,
    untar,
    onRefusal,
    marker,
    existing: _e,
    mode: _m,
    group: _g,
    ...further
  } = terms;
  further satisfies Record<string, never>;
  return {
    name,
    files: files?.map(({ text }) => text),
    datasets,
    barcode,
    metadata: metadata && [...metadata].map(([path, values]) => [path, values.map(wantedText)]),
    schema: schema?.text,
    path: path === null ? undefined : templateText(path),
    names,
    layout: layout ?? undefined,
    untar: untar || undefined,
    onRefusal: onRefusal === "refuse" ? undefined : onRefusal,
    marker: marker || undefined,
  };
}

async function ruleOf({
  name,
  files,
  metadata,
  schema,
  path,
  names,
  layout,
  untar = false,
  onRefusal = "refuse",
  marker = false,
  ...others
}: RuleCopy): Promise<UploadRule> {
  const what = `of the rule ${JSON.stringify(name)}`;
  return {
    ...others,
    name,
    files: await readPart(`a pattern ${what}`, () => files?.map(filePattern)),
    metadata: await readPart(
      `a pattern ${what}`,
      () => metadata && new Map(metadata.map(([path, values]) => [path, values.map(wantedOf)])),
    ),
    schema: schema === undefined ? undefined : await readPart(`the schema ${what}`, () => schemaOf(schema)),
    terms: {
      ...defaultTerms,
      names,
      layout: layout ?? null,
      untar,
      onRefusal,
      marker,
      path: path === undefined ? null : await readPart(`the path ${what}`, () => readPathTemplate(path)),
    },
  };
}

async function readPart<T>(part: string, reading: () => T | Promise<T>): Promise<T> {
  try {
    return await reading();
  } catch (cause) {
    throw refusal(`cannot be judged by: ${part} ${messageOf(cause)}`, cause);
  }
}

function filePattern(text: string): ShownPattern {
  return shownPattern(text, true);
}

async function schemaOf(text: string): Promise<MetadataSchema> {
  // The validator is much to load, and rules without a schema do not need it.
  const { MetadataSchema } = await import("./metadata-schema.ts");
  return await MetadataSchema.read(text);
}

function whereOf([issue]: readonly v.BaseIssue<unknown>[]): string {
  const path = issue?.path?.map(({ key }) => String(key)).join(".") ?? "";
  return path.slice(0, 80);
}

function refusal(reason: string, cause?: unknown): DyncError {
  return new DyncError("malformed", reason, { cause });
}

/** Whether a copy of this length is given away. */
export function isCopyTooLarge(text: string): boolean {
  return Buffer.byteLength(text) > limits.rulesBytesMax;
}
