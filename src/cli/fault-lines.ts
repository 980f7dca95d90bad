// An error that lists what is wrong, for people: on a terminal each of it stands on a line of its own.

import type { DyncError } from "../base/error.ts";
import { printable } from "./printable.ts";

/**
 * What `error` says, printable: in several lines where it lists several faults and `isSeen`, on a terminal; else in one, which programs
 * find.
 */
export function errorLines({ message, faults }: DyncError, isSeen: boolean): readonly string[] {
  const [first] = faults;
  const from = first === undefined ? -1 : message.indexOf(first.text);
  // What lists only one fault is short, and one that lists them in other words is shown as it is.
  if (!isSeen || faults.length < 2 || from < 0) return [printable(message)];
  return [printable(message.slice(0, from).trimEnd()), ...faults.map(({ text }) => `  ${printable(text)}`)];
}

/** The same for a line of JSON: not there where nothing is listed. */
export function listedFaults({ faults }: DyncError): DyncError["faults"] | undefined {
  return faults.length === 0 ? undefined : faults;
}
