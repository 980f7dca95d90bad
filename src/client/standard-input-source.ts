// Standard input as a source: the seekable file that it is after `< FILE`, where the system tells from which byte on it
// is meant; otherwise a stream. A file is watched in either case.

import { fdatasync, fstat, read } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { systemCode } from "../base/error.ts";
import { changedError, FileSource } from "./file-source.ts";
import { isEqual, versionOf } from "./file-version.ts";
import type { OpenFile } from "./open-file.ts";
import { type Source, StreamSource } from "./source.ts";

const descriptor = 0;
// Four times what a pipe of Linux holds.
const bufferBytes = 256 * 1024;
const readAt = promisify(read);
const statOf = promisify(fstat);

const input: OpenFile = {
  fd: descriptor,
  read: (into, at, length, position) => readAt(descriptor, into, at, length, position),
  stat: (options) => statOf(descriptor, options),
  datasync: () => promisify(fdatasync)(descriptor),
  // Not ours: it came open.
  close: async () => {},
};

/** The source that standard input is. */
export async function openStandardInput(): Promise<Source> {
  // What is closed, or no file, says so when it is read.
  const stats = await input.stat({ bigint: true }).catch(() => null);
  if (stats === null || !stats.isFile() || stats.size === 0n) return new StreamSource(standardInputBytes());
  const begin = await position();
  if (begin !== null) return await FileSource.over(input, { path: null, begin });
  const version = versionOf(stats);
  const verify = async (): Promise<void> => {
    const now = versionOf(await input.stat({ bigint: true }));
    if (!isEqual(version, now)) throw changedError("the standard input", "it was written to");
  };
  return new StreamSource(standardInputBytes(), { verify });
}

/** Where in the file the next read begins: somebody before us may have read a part. `null` where the system does not tell. */
async function position(): Promise<number | null> {
  const text = await readFile(`/proc/self/fdinfo/${descriptor}`, "utf8").catch(() => "");
  const found = /^pos:\s*(\d+)$/m.exec(text);
  return found === null ? null : Number(found[1]);
}

/**
 * Everything from standard input, read into one buffer again and again: `process.stdin` makes a new one for every read,
 * and with gigabytes the garbage collector lags behind. Each piece is valid until the next one is asked for.
 */
export async function* standardInputBytes(): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(bufferBytes);
  for (;;) {
    const count = await readInto(buffer);
    if (count === 0) return;
    if (count === null) return yield* process.stdin;
    yield buffer.subarray(0, count);
  }
}

/** Bytes read, 0 at the end, or `null` when a read would not wait: whoever started us set the pipe so. */
async function readInto(buffer: Uint8Array): Promise<number | null> {
  try {
    return (await readAt(descriptor, buffer, 0, buffer.length, null)).bytesRead;
  } catch (error) {
    const code = systemCode(error);
    // On Windows the end of a pipe is an error.
    if (code === "EOF") return 0;
    if (code === "EAGAIN") return null;
    throw error;
  }
}
