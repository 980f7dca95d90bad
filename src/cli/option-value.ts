// The values of options: `config/` reads them, here their faults become errors that name the option.

import { DyncError } from "../base/error.ts";
import type { Fault, Parsed } from "../config/parsed.ts";
import { printable } from "./printable.ts";

/** The value that was read; `what` begins the sentence of the error where there is none. Throws `DyncError` ("usage"). */
export function unwrap<T>(parsed: Parsed<T>, what: string): T {
  if (parsed.ok) return parsed.value;
  throw usageError(parsed.fault, what);
}

export function usageError({ subject, wanted, found, hint }: Fault, what: string): DyncError {
  const text = `${subject ?? what} needs ${wanted}, found ${found}`;
  return new DyncError("usage", printable(text), { hint });
}

/** How a message begins that is about the option `name`. */
export function optionText(name: string): string {
  return `Option "--${name}"`;
}

/** How a message begins that is about a variable. */
export function variableText(name: string): string {
  return `Variable ${name}`;
}
