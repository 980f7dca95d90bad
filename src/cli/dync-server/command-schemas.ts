// What the schemas share of what a running server can be asked over its control socket, and how it reads what it is asked for.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";

export const counts = v.pipe(v.number(), v.integer(), v.minValue(0));
/** `null`: it is not known, or there is none. */
export const texts = v.nullable(v.string());

/** What a command was asked for. Throws `DyncError` ("usage"). */
export function read<T>(schema: v.GenericSchema<unknown, T>, given: unknown): T {
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  throw new DyncError("usage", "The running server does not understand what it is asked for", {
    hint: "it is of another version: restart it",
  });
}
