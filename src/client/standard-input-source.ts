// Standard input as a source: the seekable file that it is after `< FILE`, where the system tells from which byte on it
// is meant; otherwise a stream. A file is watched in either case.

import { fdatasync, fstat, read } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { changedError, FileSource, isEqual, type OpenFile, versionOf } from "./file-source.ts";
import { type Source, StreamSource } from "./source.ts";

const descriptor = 0;
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

/** The source that standard input is. `bytes` reads it in order, for when it has to be a stream. */
export async function openStandardInput(bytes: () => AsyncIterable<Uint8Array>): Promise<Source> {
  // What is closed, or no file, says so when it is read.
  const stats = await input.stat({ bigint: true }).catch(() => null);
  if (stats === null || !stats.isFile() || stats.size === 0n) return new StreamSource(bytes());
  const begin = await position();
  if (begin !== null) return await FileSource.over(input, { path: null, begin });
  const version = versionOf(stats);
  const verify = async (): Promise<void> => {
    const now = versionOf(await input.stat({ bigint: true }));
    if (!isEqual(version, now)) throw changedError("the standard input", "it was written to");
  };
  return new StreamSource(bytes(), { verify });
}

/** Where in the file the next read begins: somebody before us may have read a part. `null` where the system does not tell. */
async function position(): Promise<number | null> {
  const text = await readFile(`/proc/self/fdinfo/${descriptor}`, "utf8").catch(() => "");
  const found = /^pos:\s*(\d+)$/m.exec(text);
  return found === null ? null : Number(found[1]);
}
