// A field of metadata by its path (`instrument.kind`, `samples.0.id`), and whether it has a value that people typed. Pure.

/** The value at `path`, whose steps have dots between them, or `undefined`. */
export function fieldAt(metadata: unknown, path: string): unknown {
  let there: unknown = metadata;
  for (const step of path.split(".")) {
    if (typeof there !== "object" || there === null || !Object.hasOwn(there, step)) return undefined;
    there = (there as Readonly<Record<string, unknown>>)[step];
  }
  return there;
}

/** A value that is asked for, as it was typed. */
export interface FieldValue {
  readonly path: string;
  readonly value: string;
}

/** What `value` says besides itself as a text: a number, `true`, `false` or `null`; else `undefined`. */
export function scalarOf(value: string): number | boolean | null | undefined {
  if (value === "true") return true;
  if (value === "false") return false;
  if (value === "null") return null;
  const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value);
  return isNumber ? Number(value) : undefined;
}

/** Whether the field is a text that reads so, or the number or word of JSON that is written so: `7` is `7.0` and `"7"`. */
export function hasValue(metadata: unknown, { path, value }: FieldValue): boolean {
  const there = fieldAt(metadata, path);
  return there !== undefined && (there === value || there === scalarOf(value));
}
