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

function quick<Arguments extends readonly unknown[], Result>(
  inPlace: (...what: Arguments) => Result,
  pooled: (...what: Arguments) => Promise<Result>,
): (...what: Arguments) => Promise<Result> {
  return async (...what) =>
    pace.run(
      () => inPlace(...what),
      () => pooled(...what),
    );
}

export const fsync = promisify(fs.fsync);
export const fdatasync = promisify(fs.fdatasync);

type Time = number | string | Date;
type Open = (path: string, flags: number, mode: number) => Promise<number>;
export const openFile = quick(
  (...what: Parameters<Open>) => fs.openSync(...what),
  promisify(fs.open) as Open,
);
export const closeFile = quick((descriptor: number) => fs.closeSync(descriptor), promisify(fs.close));
export const makeFolder = quick(
  (path: string) => fs.mkdirSync(path),
  (path) => fs.promises.mkdir(path),
);
export const linkFile = quick((from: string, to: string) => fs.linkSync(from, to), fs.promises.link);
export const unlinkFile = quick((path: string) => fs.unlinkSync(path), fs.promises.unlink);
export const statFileSystem = quick(
  (path: string) => fs.statfsSync(path),
  (path) => fs.promises.statfs(path),
);
export const changeMode = quick(
  (descriptor: number, mode: number) => fs.fchmodSync(descriptor, mode),
  promisify(fs.fchmod),
);
/** Times of access and of modification: dates, or seconds since 1970. */
export const changeTimes = quick(
  (descriptor: number, access: Time, modified: Time) => fs.futimesSync(descriptor, access, modified),
  promisify(fs.futimes),
);

const lookInPlace = (path: string): fs.Stats | null => fs.lstatSync(path, { throwIfNoEntry: false }) ?? null;
const behindInPlace = (path: string): fs.BigIntStats | null =>
  fs.statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
const look = quick(lookInPlace, (path) => fs.promises.lstat(path));
const behind = quick(behindInPlace, (path) => fs.promises.stat(path, { bigint: true }));
const write = quick(
  (descriptor: number, data: Uint8Array, from: number) => fs.writeSync(descriptor, data, from),
  async (descriptor, data, from) => (await promisify(fs.write)(descriptor, data, from)).bytesWritten,
);

/** Properties of what is at `path` itself, or `null` when nothing is. */
export function lookAt(path: string): Promise<fs.Stats | null> {
  return look(path).catch(nullWhenMissing);
}

/** Properties of what `path` leads to, or `null` when that is nothing. */
export function lookBehind(path: string): Promise<fs.BigIntStats | null> {
  return behind(path).catch(nullWhenMissing);
}

/** Appends all of `data`. */
export async function writeAll(descriptor: number, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length; ) done += await write(descriptor, data, done);
}

/** `null` where `error` says that nothing is there; throws any other. */
export function nullWhenMissing(error: unknown): null {
  if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return null;
  throw error;
}
