// Whole numbers on the command line.

import { DyncError } from "../base/error.ts";
import { printable } from "./printable.ts";

/** The number behind `text`, from `min` to `max`. `what` begins the error's sentence. Throws `DyncError` ("usage"). */
export function parseWholeNumber(text: string, what: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new DyncError(
    "usage",
    `${what} needs a whole number from ${min} to ${max}, found "${printable(text)}"`,
  );
}

/** A TCP port to connect to. */
export function parsePort(text: string, what: string): number {
  return parseWholeNumber(text, what, 1, 65535);
}
