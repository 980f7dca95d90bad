// The end of an audit log as a start finds it: where the chain goes on, and what to do about a line that is there in part.

import { join } from "node:path";
import { sha256Hex } from "../../base/sha256-hex.ts";
import type { AuditEvent } from "../audit.ts";
import { type Head, headOf, lineOf, noLine, readLine } from "../line.ts";
import { auditFilesIn, replaceRest, type Tail, tailOf } from "./audit-files.ts";

/** The last file that has anything in it. */
export interface FoundEnd extends Tail {
  readonly path: string;
  /** The last whole line; `null`: there is none at all. */
  readonly head: Head | null;
  /** Whether that is no line as it was written. */
  readonly isDamaged: boolean;
}

export interface MendedEnd {
  readonly path: string;
  readonly head: Head;
  readonly isDamaged: boolean;
  /** Bytes of half a line that became a line. */
  readonly cutBytes: number;
}

// Of half a line more is not kept: what we write is shorter.
const keptBytesMax = 16 * 1024;

/** Reads the end of the log in `folder`; `null`: there is none. Throws the system's error. */
export function foundEnd(folder: string): FoundEnd | null {
  const paths = auditFilesIn(folder).map((name) => join(folder, name));
  const last = paths.at(-1);
  if (last === undefined) return null;
  const tail = tailOf(last);
  // A file that was only just begun says nothing of what came before.
  const before = tail.lines.length === 0 ? paths.at(-2) : undefined;
  const { lines } = before === undefined ? tail : tailOf(before);
  return { ...tail, path: last, ...headIn(lines) };
}

/** Where the chain goes on behind these lines. */
function headIn(lines: readonly Buffer[]): { readonly head: Head | null; readonly isDamaged: boolean } {
  const last = lines.at(-1);
  if (last === undefined) return { head: null, isDamaged: false };
  for (let behind = 0; behind < lines.length; behind++) {
    const read = readLine(lines[lines.length - 1 - behind] as Buffer);
    if (read === null || (behind > 0 && !read.isIntact)) continue;
    const isDamaged = behind > 0 || !read.isIntact;
    return { head: headOf(read.sequence + behind, last), isDamaged };
  }
  return { head: headOf(lines.length, last), isDamaged: true };
}

/**
 * Writes a line "cut" over what stands behind the last line break, with that in it. Goes on behind `known`, where it is known
 * where the chain ends, else behind what was found. Throws the system's error.
 */
export function mendEnd(end: FoundEnd, known: Head | null, at: Date): MendedEnd {
  const { path, rest, restAt } = end;
  const isDamaged = known === null && end.isDamaged;
  const before = known ?? end.head ?? noLine;
  if (rest.length === 0) return { path, head: before, isDamaged, cutBytes: 0 };
  const line = lineOf(cutEvent(rest), at, before);
  replaceRest(path, restAt, `${line}\n`);
  return { path, head: headOf(before.sequence + 1, line), isDamaged, cutBytes: rest.length };
}

function cutEvent(rest: Buffer): AuditEvent {
  const kept = rest.subarray(0, keptBytesMax);
  const sha256 = sha256Hex(rest);
  return { event: "cut", bytes: rest.length, sha256, ...textOf(kept) };
}

function textOf(bytes: Buffer): { readonly text?: string[]; readonly base64?: string[] } {
  try {
    return { text: inPieces(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    return { base64: inPieces(bytes.toString("base64")) };
  }
}

/** No text of an event is longer. */
function inPieces(text: string): string[] {
  return text.match(/[\s\S]{1,400}/gu) ?? [];
}
