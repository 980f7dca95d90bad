// Small file operations whose effect is on disk when they return, and their ways around what Windows does
// differently. Used by the file system storage only. They throw the system's errors as they are.
//
// On macOS `fsync` does not flush the drive's own cache (that takes F_FULLFSYNC, which node:fs does not offer).

import { constants, type Stats } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { type Clock, sleep } from "../base/clock.ts";
import { systemCode } from "../base/error.ts";
import {
  closeFile,
  fsync,
  linkFile,
  lookAt,
  nullWhenMissing,
  openExisting,
  openFile,
  openNew,
  readAt,
  syncSmall,
  unlinkFile,
  writeAll,
} from "./file-calls.ts";

const isWindows = process.platform === "win32";
/** Makes the entries of `folder` durable. Windows has no way to ask for it, and does it with the files. */
export async function syncFolder(folder: string): Promise<void> {
  if (!isWindows) await syncAt(folder, constants.O_RDONLY | constants.O_DIRECTORY, syncSmall);
}

/** Makes the content of a file of ours durable. */
export async function syncFile(path: string): Promise<void> {
  await syncAt(path, openExisting, fsync);
}

async function syncAt(
  path: string,
  flags: number,
  sync: (descriptor: number) => Promise<void>,
): Promise<void> {
  const descriptor = await openFile(path, flags, 0);
  try {
    await sync(descriptor);
  } finally {
    await closeFile(descriptor);
  }
}

/**
 * Writes a new file, durable except for its entry in the folder, and what `settle` makes of it. Throws `EEXIST` when something is
 * there.
 */
export async function writeNewFile(
  file: string,
  text: string,
  mode: number,
  settle?: (descriptor: number) => Promise<void>,
): Promise<void> {
  const descriptor = await openFile(file, openNew, mode);
  try {
    await writeAll(descriptor, Buffer.from(text));
    await settle?.(descriptor);
    await syncSmall(descriptor);
  } finally {
    await closeFile(descriptor);
  }
}

/** The text of a file of ours, or `null` when nothing is there, or a folder, which is never ours. */
export async function readText(file: string): Promise<string | null> {
  return readFile(file, "utf8").catch((error) =>
    systemCode(error) === "EISDIR" ? null : nullWhenMissing(error),
  );
}

/** Whether two names are the same file on disk. */
export function isSameFile(a: Stats | null, b: Stats | null): boolean {
  return a !== null && b !== null && a.ino === b.ino && a.dev === b.dev;
}

const compareBytes = 256 * 1024;

/** Whether two files are one, or have the same content. */
export async function isSameContent(a: string, b: string): Promise<boolean> {
  const [first, second] = [await lookAt(a), await lookAt(b)];
  if (first === null || second === null || first.size !== second.size) return false;
  if (isSameFile(first, second)) return true;
  const [left, right] = [await open(a), await open(b)];
  try {
    const buffers = [Buffer.alloc(compareBytes), Buffer.alloc(compareBytes)] as const;
    for (let at = 0; ; ) {
      const count = await readAt(left.fd, buffers[0], at);
      if (count !== (await readAt(right.fd, buffers[1], at))) return false;
      if (!buffers[0].subarray(0, count).equals(buffers[1].subarray(0, count))) return false;
      if (count === 0) return true;
      at += count;
    }
  } finally {
    await left.close();
    await right.close();
  }
}

/** Removes a file; one that is not there is fine. */
export async function removeFile(file: string, clock: Clock): Promise<void> {
  await persistently(clock, () => unlinkFile(file)).catch(nullWhenMissing);
}

/** Gives a file a second name. Returns `false`, and changes nothing, when something has that name. */
export async function linkNew(from: string, to: string, clock: Clock): Promise<boolean> {
  try {
    await persistently(clock, () => linkFile(from, to));
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

export async function moveFile(from: string, to: string, clock: Clock): Promise<void> {
  await persistently(clock, () => rename(from, to));
}

// On Windows a virus scanner or an indexer may hold a file for a moment, and what is asked meanwhile fails.
async function persistently(clock: Clock, operation: () => Promise<void>): Promise<void> {
  const pausesMs = isWindows ? [10, 50, 100, 250, 500, 1000, 2000, 4000] : [];
  for (const pauseMs of pausesMs) {
    try {
      return await operation();
    } catch (error) {
      if (!["EPERM", "EACCES", "EBUSY"].includes(systemCode(error) ?? "")) throw error;
    }
    await sleep(clock, pauseMs);
  }
  return operation();
}
