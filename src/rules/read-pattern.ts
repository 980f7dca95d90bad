// Patterns of rules and limits as they are read, in a configuration as well as in a copy of one. Pure.

import { isExpression, namePattern } from "./linear-pattern.ts";
import type { Scalar, Wanted } from "./upload-rules.ts";
import type { ShownPattern } from "./user-limits.ts";

/** `namePattern` with its text; throws as that does. */
export function shownPattern(text: string, ignoresCase: boolean): ShownPattern {
  return { text, matches: namePattern(text, ignoresCase) };
}

/** What a rule asks for with `value`: text between slashes is an expression, and throws as `namePattern` does. */
export function wantedOf(value: Scalar): Wanted {
  // Other text is that very text: a glob would find others.
  return typeof value === "string" && isExpression(value) ? shownPattern(value, false) : value;
}
