// The schemas that doc/json.md documents, and Ajv as the judge of what is printed by them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv, { type ValidateFunction } from "ajv/dist/2020";

export type DocumentedSchema = Record<string, unknown> & { readonly $id: string };

const text = readFileSync(join(import.meta.dir, "../../doc/json.md"), "utf8");

/** In their order. */
export const documentedSchemas = [...text.matchAll(/```json\n(.*?)```/gs)].map(
  ([, json]) => JSON.parse(json ?? "") as DocumentedSchema,
);

/** A function for each, by its `$id`, which takes no member that the schema does not name. */
export function documentedValidators(): ReadonlyMap<string, ValidateFunction> {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false });
  for (const schema of documentedSchemas) ajv.addSchema(closed(schema) as DocumentedSchema);
  return new Map(documentedSchemas.map(({ $id }) => [$id, ajv.getSchema($id) as ValidateFunction]));
}

/** The schema, which takes no member that it does not name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]) => [name, closed(value)] as const);
  const isObject = "properties" in schema && "type" in schema && schema.type === "object";
  return { ...(isObject ? { additionalProperties: false } : {}), ...Object.fromEntries(entries) };
}
