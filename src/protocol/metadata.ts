// What metadata must be before the richer rules of a server apply: an object with something in it that can be
// stored without changing it. Called by the server at admission and by the client before it connects.

import type { JsonObject } from "./message.ts";

/** Member that is kept for the program's own additions to the stored metadata. */
export const reservedMember = "_dync";

export type MetadataCheck =
  | { readonly ok: true; readonly metadata: JsonObject }
  | { readonly ok: false; readonly code: 422; readonly text: string };

/** Checks a parsed JSON value; the text names every field that is wrong. `json` is nested within the limits. */
export function checkMetadata(json: unknown): MetadataCheck {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return refuse(["Metadata is no JSON object"]);
  }
  const metadata = json as JsonObject;
  const faults: string[] = [];
  if (Object.keys(metadata).length === 0) faults.push("Metadata has no member, at least one is required");
  if (Object.hasOwn(metadata, reservedMember)) {
    faults.push(`Metadata field ${reservedMember} is reserved, choose another name`);
  }
  for (const path of infiniteNumbers(metadata, "")) {
    faults.push(`Metadata field ${path} is a number too large to be stored, send it as text`);
  }
  return faults.length === 0 ? { ok: true, metadata } : refuse(faults);
}

/** Whether two JSON values say the same: members in any order, numbers by value. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => equalJson(item, b[index]));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && equalJson(Reflect.get(a, key), Reflect.get(b, key)));
}

// JSON's 1e999 becomes Infinity when it is read, and null when that is written.
function infiniteNumbers(value: unknown, path: string): string[] {
  if (typeof value === "number") return Number.isFinite(value) ? [] : [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    infiniteNumbers(item, path === "" ? key : `${path}.${key}`),
  );
}

function refuse(faults: readonly string[]): MetadataCheck {
  return { ok: false, code: 422, text: faults.join("; ") };
}
