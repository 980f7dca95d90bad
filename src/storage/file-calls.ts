// Calls of the system about names and properties, which it answers from memory as a rule: a small upload makes some thirty of
// them, and the way to the thread pool and back costs several times the call. They are made in place while they are fast, and in
// the pool while the medium is slow (base/io-pace.ts); what waits for the disk by its nature (fsync) is always for the pool.
// They throw the system's errors as they are.

import * as fs from "node:fs";
import { promisify } from "node:util";
import { systemClock } from "../base/clock.ts";
import { systemCode } from "../base/error.ts";
import { IoPace } from "../base/io-pace.ts";

const pace = new IoPace(systemClock);

async function quickly<T>(inPlace: () => T, pooled: () => Promise<T>): Promise<T> {
  return pace.run(inPlace, pooled);
}

export const fsync = promisify(fs.fsync);
export const fdatasync = promisify(fs.fdatasync);
const pooled = fs.promises;
const [open, close, write] = [promisify(fs.open), promisify(fs.close), promisify(fs.write)];
const [chmod, utimes] = [promisify(fs.fchmod), promisify(fs.futimes)];

/** Opens `path`; returns the descriptor. */
export function openFile(path: string, flags: number, mode = 0o600): Promise<number> {
  return quickly(
    () => fs.openSync(path, flags, mode),
    () => open(path, flags, mode),
  );
}

export function closeFile(descriptor: number): Promise<void> {
  return quickly(
    () => fs.closeSync(descriptor),
    () => close(descriptor),
  );
}

/** Appends all of `data`. */
export async function writeAll(descriptor: number, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length; ) {
    done += await quickly(
      () => fs.writeSync(descriptor, data, done, data.length - done),
      async () => (await write(descriptor, data, done, data.length - done, null)).bytesWritten,
    );
  }
}

/** Properties of what is at `path` itself, or `null` when nothing is. */
export function lookAt(path: string): Promise<fs.Stats | null> {
  return quickly(
    () => fs.lstatSync(path, { throwIfNoEntry: false }) ?? null,
    () => pooled.lstat(path),
  ).catch(nullWhenMissing);
}

/** Properties of what `path` leads to, or `null` when that is nothing. */
export function lookBehind(path: string): Promise<fs.BigIntStats | null> {
  return quickly(
    () => fs.statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null,
    () => pooled.stat(path, { bigint: true }),
  ).catch(nullWhenMissing);
}

export function makeFolder(path: string): Promise<void> {
  return quickly(
    () => fs.mkdirSync(path),
    () => pooled.mkdir(path),
  );
}

export function linkFile(from: string, to: string): Promise<void> {
  return quickly(
    () => fs.linkSync(from, to),
    () => pooled.link(from, to),
  );
}

export function unlinkFile(path: string): Promise<void> {
  return quickly(
    () => fs.unlinkSync(path),
    () => pooled.unlink(path),
  );
}

export function changeMode(descriptor: number, mode: number): Promise<void> {
  return quickly(
    () => fs.fchmodSync(descriptor, mode),
    () => chmod(descriptor, mode),
  );
}

/** Sets the time of modification, in seconds since 1970. */
export function changeTime(descriptor: number, seconds: number | string): Promise<void> {
  return quickly(
    () => fs.futimesSync(descriptor, new Date(), seconds),
    () => utimes(descriptor, new Date(), seconds),
  );
}

export function statFileSystem(path: string): Promise<fs.StatsFs> {
  return quickly(
    () => fs.statfsSync(path),
    () => pooled.statfs(path),
  );
}

/** `null` where `error` says that nothing is there; throws any other. */
export function nullWhenMissing(error: unknown): null {
  if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return null;
  throw error;
}
