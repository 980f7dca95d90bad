// Reads files of the audit log from beginning to end, however long they are, also while a server adds to them.

import { type FileHandle, open } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { lineBytesMax } from "../line.ts";
import { splitLines } from "./audit-files.ts";

const blockBytes = 1024 * 1024;
// A server that runs is in the midst of a line for a moment.
const looksMax = 10;
const lookMs = 100;

export interface LineReading {
  readonly path: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Takes some lines, each without its break, which hold until it resolves. */
  onLines(lines: readonly Buffer[]): Promise<void> | void;
}

/**
 * Tells all lines of a file, in order. Resolves to how many bytes stand behind the last line break, once nobody adds to them. Rejects
 * with a `DyncError` where it cannot be read, and with the signal's reason.
 */
export async function readLines({ path, clock, signal, onLines }: LineReading): Promise<number> {
  await using file = await opened(path);
  const buffer = Buffer.alloc(blockBytes + 4 * lineBytesMax);
  let rest = 0;
  for (let looks = 0; ; ) {
    signal.throwIfAborted();
    const count = await readInto(file, path, buffer, rest);
    if (count === 0 && (rest === 0 || ++looks > looksMax)) return rest;
    if (count === 0) {
      await sleep(clock, lookMs, signal);
      continue;
    }
    const lines = splitLines(buffer.subarray(0, rest + count));
    const last = lines.pop() as Buffer;
    if (lines.length > 0) await onLines(lines);
    rest = last.length;
    if (rest > buffer.length - blockBytes) {
      // No line of ours: what it is shows in its beginning, and memory stays bounded.
      await onLines([last]);
      rest = 0;
    } else
      buffer.copyWithin(0, last.byteOffset - buffer.byteOffset, last.byteOffset - buffer.byteOffset + rest);
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readInto(file: FileHandle, path: string, buffer: Buffer, at: number): Promise<number> {
  try {
    return (await file.read(buffer, at, blockBytes)).bytesRead;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): DyncError {
  return new DyncError("failed", `The audit log ${path} cannot be read: ${whyUnreadable(cause)}`, { cause });
}
