// Where an upload may go, decided from names alone: which names are refused, which count as the same, and
// which files one upload occupies. Admission asks before anything is stored. Pure: it never looks at a disk.

import { fileNameFault, foldName as fold } from "../base/file-name.ts";

/** Endings of the two files that lie beside each published file. */
export const checksumSuffix = ".sha256";
export const metadataSuffix = ".meta.json";

export type NameCheck = { readonly ok: true } | { readonly ok: false; readonly text: string };

/** Whether a client's file name may be stored. `text` says what is wrong with it, for the client. */
export function checkName(name: string): NameCheck {
  const fault = fileNameFault(name);
  return fault === null ? { ok: true } : { ok: false, text: `The file name ${fault}` };
}

/** Two names are the same when their folded forms are: without case, whatever the Unicode form. */
export function foldName(name: string): string {
  return fold(name);
}

/** Folded names of all files that publishing `name` makes: the data and the two beside it. */
export function occupiedNames(name: string): readonly string[] {
  const folded = foldName(name);
  return [folded, folded + checksumSuffix, folded + metadataSuffix];
}

/** Folded names of everything that cannot be published beside `name`: see `namesClash`. */
export function clashingNames(name: string): readonly string[] {
  const folded = foldName(name);
  const described = [checksumSuffix, metadataSuffix].filter((suffix) => folded.endsWith(suffix));
  return [...occupiedNames(name), ...described.map((suffix) => folded.slice(0, -suffix.length))];
}

/** Whether `a` and `b` cannot both be published in one folder: `x` and `X` cannot, nor `x` and `x.sha256`. */
export function namesClash(a: string, b: string): boolean {
  const occupied = new Set(occupiedNames(a));
  return occupiedNames(b).some((name) => occupied.has(name));
}
