// What is wrong with the names of a listing: those that the portable rules refuse, those that some system takes for another one
// beside them, and those that no bag carries. All are found before anything is sent.

import { createHash } from "node:crypto";
import type { Turns } from "../../base/turns.ts";
import { bagFault, foldPath, pathFault } from "../../tar/member-path.ts";
import type { VirtualTar } from "../../tar/virtual-tar.ts";

/** A path, and what is wrong with it, as the end of a sentence. */
export interface NameFault {
  readonly path: string;
  readonly fault: string;
}

/** Says what is wrong with a path, of what lies `at`, as people read it. */
export function nameFaultText(at: string, fault: string): string {
  return `"${at}" cannot be sent: its path ${fault}`;
}

/** Why a path cannot be sent, where that is not said of the folder that it is in. */
export function ownFault(path: string): string | null {
  const fault = pathFault(path);
  const slash = path.lastIndexOf("/");
  if (fault === null || slash < 0 || pathFault(path.slice(0, slash)) === null) return fault;
  return pathFault(path.slice(slash + 1));
}

/** Those members of the tar that some system takes for one before. */
export async function* clashesIn(tar: VirtualTar, turns: Turns): AsyncGenerator<NameFault> {
  // Eight bytes each, however long the paths are; whether two are the same is seen in those that may be.
  const digests = new BigUint64Array(tar.count);
  for (let index = 0; index < tar.count; index++) {
    digests[index] = digestOf(foldPath(tar.path(index)));
    await turns.step();
  }
  const sorted = digests.slice().sort();
  const suspects = new Set(sorted.filter((digest, at) => at > 0 && digest === sorted[at - 1]));
  const known = new Map<string, string>();
  for (let index = 0; suspects.size > 0 && index < tar.count; index++) {
    if (!suspects.has(digests[index]!)) continue;
    const path = tar.path(index);
    const folded = foldPath(path);
    const other = known.get(folded);
    if (other === undefined) known.set(folded, path);
    // Of two folders that clash, what is in them need not be named as well.
    else if (nameOf(other) !== nameOf(path)) yield { path, fault: `counts as the same as "${other}"` };
  }
}

function digestOf(text: string): bigint {
  return createHash("sha256").update(text).digest().readBigUInt64LE();
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Those members of the tar that no bag can carry. */
export function* unfitForBags(tar: VirtualTar): Generator<NameFault> {
  for (let index = 0; index < tar.count; index++) {
    const path = tar.path(index);
    const fault = bagFault(path);
    if (fault !== null) yield { path, fault };
  }
}
