// What SQLite's errors mean for the catalogue: damage, which no repetition mends; trouble that may pass; anything else.

import { DyncError, messageOf } from "../base/error.ts";

// SQLite's result codes (https://sqlite.org/rescode.html), the low byte.
const error = 1;
const passing = new Map([
  [5, /database is locked|busy/],
  [6, /table is locked/],
  [7, /out of memory/],
  [8, /readonly database/],
  [10, /disk I\/O error/],
  [13, /disk is full/],
  [14, /unable to open/],
]);
const damage = new Map([
  [11, /malformed/],
  [26, /not a database/],
]);
// Tables that are not ours say so when they are used.
const foreign = /no such (table|column)|already exists|has no column|duplicate column/;

/** What a client hears while the server ends because of it. */
export const damagedText = "The server's catalogue is damaged: it has to be made anew";

/** Whether the file is no catalogue of ours, or not any more. */
export function isDamage(cause: unknown): boolean {
  return isOneOf(cause, damage) || ((resultCode(cause) ?? error) === error && foreign.test(messageOf(cause)));
}

/** `action` completes "An upload could not be … the catalogue". A `DyncError` passes through as it is. */
export function catalogueError(action: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  if (isOneOf(cause, damage)) {
    return new DyncError("not-ready", damagedText, { cause });
  }
  if (resultCode(cause) === 13 || /disk is full/.test(messageOf(cause))) {
    return new DyncError("not-ready", "No space left on the server for its catalogue", { cause });
  }
  const code = isOneOf(cause, passing) ? "not-ready" : "internal";
  return new DyncError(code, `An upload could not be ${action} the catalogue: ${messageOf(cause)}`, {
    cause,
  });
}

// Deno tells no result code, only SQLite's text.
function isOneOf(cause: unknown, codes: ReadonlyMap<number, RegExp>): boolean {
  const code = resultCode(cause);
  if (code !== null) return codes.has(code);
  return [...codes.values()].some((text) => text.test(messageOf(cause)));
}

function resultCode(cause: unknown): number | null {
  if (typeof cause !== "object" || cause === null || !("errcode" in cause)) return null;
  return typeof cause.errcode === "number" ? cause.errcode & 0xff : null;
}
