// Where an upload may go, decided from names alone: which names are refused, which count as the same, and
// which files one upload occupies. Admission asks before anything is stored. Pure: it never looks at a disk.

import { fileNameFault, foldName, posixNameFault, withoutForbidden } from "../base/file-name.ts";

/** Endings of the two files that lie beside each published file. */
export const checksumSuffix = ".sha256";
export const metadataSuffix = ".meta.json";

const markerPrefix = ".MARKER_is_finished_";

/** Name of the empty file by which the dropboxes of openBIS see that `name` is whole. */
export function markerName(name: string): string {
  return markerPrefix + name;
}

/** Longest name, in bytes of UTF-8, for which there can be such a file. */
export const markedNameBytesMax = 255 - markerPrefix.length;

/** Which names are taken: those that every system can store, or all that Linux can. */
export const nameKinds = ["portable", "posix"] as const;
export type NameKind = (typeof nameKinds)[number];

const faultOf: Readonly<Record<NameKind, (name: string) => string | null>> = {
  portable: fileNameFault,
  posix: posixNameFault,
};

/** Why `name` is none of this `kind`, as the end of a sentence; `null` when it is. */
export function nameFaultOf(name: string, kind: NameKind): string | null {
  return faultOf[kind](name);
}

/** Why a client's file name may not be stored, for the client; `null` when it may. */
export function nameFault(name: string, kind: NameKind = "portable"): string | null {
  const fault = nameFaultOf(name, kind);
  return fault === null ? null : `The file name ${fault}`;
}

/** `text` as it may stand within a name of this `kind`. */
export function safeText(text: string, kind: NameKind): string {
  return kind === "portable" ? withoutForbidden(text) : text.toWellFormed().replace(/[/\0]/g, "_");
}

/** What stands before the ending of a name, and the ending with its dot, both parts of one like ".tar.gz". */
export function splitName(name: string): { readonly stem: string; readonly ext: string } {
  const ext =
    /(?<=[^.])(\.[a-z0-9]{1,8})?\.(gz|bz2|xz|zst|lz4|br|z)$|(?<=[^.])(\.ome)?\.[^.]{1,16}$/i.exec(
      name,
    )?.[0] ?? "";
  return { stem: name.slice(0, name.length - ext.length), ext };
}

/** `name` for the one of its kind with this number: "run-2.raw". */
export function numberedName(name: string, number: number): string {
  const { stem, ext } = splitName(name);
  return `${stem}-${number}${ext}`;
}

/** Folded names of all files that publishing `name` makes: the data and the two beside it. */
export function occupiedNames(name: string): readonly string[] {
  const folded = foldName(name);
  return [folded, folded + checksumSuffix, folded + metadataSuffix];
}

/** Whether `a` and `b` cannot both be published in one folder: `x` and `X` cannot, nor `x` and `x.sha256`. */
export function namesClash(a: string, b: string): boolean {
  const occupied = occupiedNames(a);
  return occupiedNames(b).some((name) => occupied.includes(name));
}

/** Says why `name` is taken by the file `there`, which lies in the same folder; `null` when that is not known. */
export function takenText(name: string, there: string | null): string {
  const [own, other] = [JSON.stringify(name), JSON.stringify(there)];
  if (there === null)
    return `Files on the server have names that are too much like ${own} to tell them apart`;
  const text = `There is a file ${other} on the server already`;
  return there === name ? text : `${text}, ${conflictText(name, there, own)}`;
}

/** Says why `name` cannot be uploaded while `other` is. */
export function busyText(name: string, other: string): string {
  const own = JSON.stringify(name);
  if (other === name) return `Another upload of ${own} is under way`;
  return `An upload of ${JSON.stringify(other)} is under way, ${conflictText(name, other, own)}`;
}

function conflictText(name: string, other: string, own: string): string {
  const [folded, taken] = [foldName(name), foldName(other)];
  if (folded === taken) return `and ${own} counts as the same name`;
  if (taken === folded + checksumSuffix) return `and ${own} needs that name for its checksum`;
  if (taken === folded + metadataSuffix) return `and ${own} needs that name for its metadata`;
  return `which needs ${own} beside it`;
}
