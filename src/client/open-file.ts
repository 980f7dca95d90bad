// Files that are read, opened and asked about in place while that is fast: of thousands of small ones the way to the runtime's
// pool and back costs more than the answers. Used by `file-source.ts`, and for the files of
// a dataset.

import * as fs from "node:fs";
import { promisify } from "node:util";
import { systemClock } from "../base/clock.ts";
import { IoPace } from "../base/io-pace.ts";
import { systemPathBytes } from "../base/system-path.ts";

/** An open file, as far as a source needs it. */
export interface OpenFile {
  readonly fd: number;
  read(into: Uint8Array, at: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(options: { bigint: true }): Promise<fs.BigIntStats>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

// A named pipe would otherwise keep us waiting until somebody writes to it. Windows has none, and no such flag.
export const openFlags = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

/** The calls of the system in the runtime's pool. */
export const [openLater, readLater, statLater, datasyncLater, closeLater] = [
  promisify(fs.open) as (path: fs.PathLike, flags: number) => Promise<number>,
  promisify(fs.read),
  promisify(fs.fstat) as (fd: number, options: { bigint: true }) => Promise<fs.BigIntStats>,
  promisify(fs.fdatasync),
  promisify(fs.close),
];

// Of all files: where one is on a network drive that is slow, others are as well.
const pace = new IoPace(systemClock);

/** Opens the file at `path` to be read. Rejects with the system's error. */
export async function openFile(path: string): Promise<OpenFile> {
  const bytes = systemPathBytes(path);
  const fd = await pace.run(
    () => fs.openSync(bytes, openFlags),
    () => openLater(bytes, openFlags),
  );
  return {
    fd,
    read: (into, at, length, position) => readLater(fd, into, at, length, position),
    stat: async (options) =>
      await pace.run(
        () => fs.fstatSync(fd, options),
        () => statLater(fd, options),
      ),
    // Waits for the disk by its nature.
    datasync: () => datasyncLater(fd),
    close: async () =>
      await pace.run(
        () => fs.closeSync(fd),
        () => closeLater(fd),
      ),
  };
}

/** What the system tells of what lies at `path`, or `null`: nothing that it tells of. */
export async function statsOf(path: string): Promise<fs.BigIntStats | null> {
  const bytes = systemPathBytes(path);
  try {
    return await pace.run(
      () => fs.statSync(bytes, { bigint: true }),
      () => fs.promises.stat(bytes, { bigint: true }),
    );
  } catch {
    return null;
  }
}
