// Where the audit log lies: files of a month each, in one folder, whose names sort as they were written. Their ends, and what a
// crash left there.

import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { lineBytesMax } from "../line.ts";

const pattern = /^audit-\d{4}-\d\d\.jsonl$/;
const lineBreak = 0x0a;

/** Names of the files of an audit log in `folder`, the oldest first. Throws the system's error. */
export function auditFilesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort();
}

/** Name of the file for what happens at `date`. */
export function auditFileOf(date: Date): string {
  return `audit-${date.toISOString().slice(0, 7)}.jsonl`;
}

/** Makes the folder, for the server alone, where it is missing. */
export function makeAuditFolder(folder: string): void {
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
}

/** Opens a file to add to it; a new one is durable under its name then. Throws the system's error. */
export function openToAdd(folder: string, name: string): number {
  const path = join(folder, name);
  const isNew = !existsSync(path);
  const file = openSync(path, "a", 0o600);
  if (isNew && process.platform !== "win32") syncFolder(folder);
  return file;
}

function syncFolder(folder: string): void {
  const file = openSync(folder, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The end of a file. */
export interface Tail {
  /** Its last whole lines, without their breaks: at least the last two, unless it has fewer. */
  readonly lines: readonly Buffer[];
  /** What stands behind the last line break. */
  readonly rest: Buffer;
  /** Where that begins. */
  readonly restAt: number;
}

/** Reads the end of the file at `path`. Throws the system's error. */
export function tailOf(path: string): Tail {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    for (let length = 4 * lineBytesMax; ; length *= 4) {
      const at = Math.max(0, size - length);
      const bytes = readAll(file, at, size - at);
      const parts = splitLines(bytes);
      const rest = parts.pop() as Buffer;
      // What stands before the first line break is a whole line only at the beginning of the file.
      const lines = at === 0 ? parts : parts.slice(1);
      if (lines.length >= 2 || at === 0) return { lines, rest, restAt: at + bytes.length - rest.length };
    }
  } finally {
    closeSync(file);
  }
}

function readAll(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(file, bytes, filled, length - filled, at + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** The pieces between line breaks; the last one has none behind it. */
export function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(lineBreak); end >= 0; end = bytes.indexOf(lineBreak, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  lines.push(bytes.subarray(start));
  return lines;
}

/**
 * Puts `text` in the place of all that stands in the file from `at` on, and makes that durable. In one write, which a process that
 * dies does not leave half done. Throws the system's error.
 */
export function replaceRest(path: string, at: number, text: string): void {
  const bytes = Buffer.from(text);
  const file = openSync(path, "r+");
  try {
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done, at + done);
    ftruncateSync(file, at + bytes.length);
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}
