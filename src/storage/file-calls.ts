// Calls of the system about names and properties, which it answers from memory as a rule: a small upload makes some thirty of
// them, and the way to the thread pool and back costs several times the call. They are made in place while they are fast, and in
// the pool while the medium is slow (base/io-pace.ts); what waits for a disk by its nature (fsync) is for the pool wherever there is one.
// They throw the system's errors as they are.

import * as fs from "node:fs";
import { promisify } from "node:util";
import { systemClock } from "../base/clock.ts";
import { systemCode } from "../base/error.ts";
import { IoPace } from "../base/io-pace.ts";
import { type Stage, timed } from "../base/stages.ts";

const pace = new IoPace(systemClock);
// Where nothing has to be written, as in memory, a sync takes a microsecond, and the way to the pool and back some thirty of the
// processor's time, for each of an upload's five. A disk is found out at once, and tried again after so many that it does not show.
const syncPace = new IoPace(systemClock, { slowMs: 0.05, poolRunMax: 4096 });

function quick<Arguments extends readonly unknown[], Result>(
  inPlace: (...what: Arguments) => Result,
  pooled: (...what: Arguments) => Promise<Result>,
  by = pace,
  stage: Stage = "names",
): (...what: Arguments) => Promise<Result> {
  const run = async (...what: Arguments): Promise<Result> =>
    by.run(
      () => inPlace(...what),
      () => pooled(...what),
    );
  return (...what) => timed(stage, () => run(...what));
}

const [pooledSync, pooledDataSync] = [promisify(fs.fsync), promisify(fs.fdatasync)];
export const fsync = (descriptor: number): Promise<void> => timed("sync", () => pooledSync(descriptor));
export const fdatasync = (descriptor: number): Promise<void> =>
  timed("sync", () => pooledDataSync(descriptor));
/** `fsync` of what has little to write: a folder, or a small file. */
export const syncSmall = quick(
  (descriptor: number) => fs.fsyncSync(descriptor),
  pooledSync,
  syncPace,
  "sync",
);

// A file of ours is no link to somewhere. Windows does not know the flag; the value 0 asks for nothing.
const ours = fs.constants.O_RDWR | (fs.constants.O_NOFOLLOW ?? 0);

/** Flags to open a file of ours that must be there, */
export const openExisting = ours;
/** one that must not be there yet, */
export const openNew = ours | fs.constants.O_CREAT | fs.constants.O_EXCL;
/** one that is made if it is not there, */
export const openAny = ours | fs.constants.O_CREAT;
/** and one that is made anew, or emptied. */
export const overwriting = openAny | fs.constants.O_TRUNC;

type Time = number | string | Date;
type Open = (path: string, flags: number, mode: number) => Promise<number>;
export const openFile = quick(
  (...what: Parameters<Open>) => fs.openSync(...what),
  promisify(fs.open) as Open,
);
export const closeFile = quick((descriptor: number) => fs.closeSync(descriptor), promisify(fs.close));
type MakeFolder = (path: string, mode?: number) => Promise<void>;
export const makeFolder: MakeFolder = quick(
  (path: string, mode?: number): void => void fs.mkdirSync(path, mode),
  async (path, mode) => void (await fs.promises.mkdir(path, mode)),
);
/** One that is empty. */
export const removeFolder = quick((path: string) => fs.rmdirSync(path), fs.promises.rmdir);
export const linkFile = quick((from: string, to: string) => fs.linkSync(from, to), fs.promises.link);
export const unlinkFile = quick((path: string) => fs.unlinkSync(path), fs.promises.unlink);
export const statFileSystem = quick(
  (path: string) => fs.statfsSync(path),
  (path) => fs.promises.statfs(path),
);
export const truncateFile = quick(
  (descriptor: number, length: number) => fs.ftruncateSync(descriptor, length),
  promisify(fs.ftruncate),
);
export const moveEntry = quick((from: string, to: string) => fs.renameSync(from, to), fs.promises.rename);
export const changeMode = quick(
  (descriptor: number, mode: number) => fs.fchmodSync(descriptor, mode),
  promisify(fs.fchmod),
);
export const changeGroup = quick(
  (descriptor: number, user: number, group: number) => fs.fchownSync(descriptor, user, group),
  promisify(fs.fchown),
);
/** Times of access and of modification: dates, or seconds since 1970. */
export const changeTimes = quick(
  (descriptor: number, access: Time, modified: Time) => fs.futimesSync(descriptor, access, modified),
  promisify(fs.futimes),
);

export const changeTimesAt = quick(
  (path: string, access: Time, modified: Time) => fs.utimesSync(path, access, modified),
  (path, access, modified) => fs.promises.utimes(path, access, modified),
);

/** Makes `path` anew, or empty, with all of its content; `modified` as `changeTimes` has it. */
export const writeWholeFile = quick(
  (path: string, data: Uint8Array, mode: number, modified: Time | null): void => {
    const descriptor = fs.openSync(path, overwriting, mode);
    try {
      for (let done = 0; done < data.length; ) done += fs.writeSync(descriptor, data, done);
      if (modified !== null) fs.futimesSync(descriptor, modified, modified);
    } finally {
      fs.closeSync(descriptor);
    }
  },
  async (path, data, mode, modified) => {
    const file = await fs.promises.open(path, overwriting, mode);
    try {
      await file.writeFile(data);
      if (modified !== null) await file.utimes(modified, modified);
    } finally {
      await file.close();
    }
  },
);

const lookInPlace = (path: string): fs.Stats | null => fs.lstatSync(path, { throwIfNoEntry: false }) ?? null;
const behindInPlace = (path: string): fs.BigIntStats | null =>
  fs.statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
const look = quick(lookInPlace, (path) => fs.promises.lstat(path));
const behind = quick(behindInPlace, (path) => fs.promises.stat(path, { bigint: true }));
const write = quick(
  (descriptor: number, data: Uint8Array, from: number) => fs.writeSync(descriptor, data, from),
  async (descriptor, data, from) => (await promisify(fs.write)(descriptor, data, from)).bytesWritten,
  pace,
  "write",
);

const writeSome = quick(
  (descriptor: number, data: Uint8Array, from: number, position: number) =>
    fs.writeSync(descriptor, data, from, data.length - from, position),
  async (descriptor, data, from, position) =>
    (await promisify(fs.write)(descriptor, data, from, data.length - from, position)).bytesWritten,
  pace,
  "write",
);
const readSome = quick(
  (descriptor: number, into: Uint8Array, from: number, position: number) =>
    fs.readSync(descriptor, into, from, into.length - from, position),
  async (descriptor, into, from, position) =>
    (await promisify(fs.read)(descriptor, into, from, into.length - from, position)).bytesRead,
);

/** Writes all of `data`, the first byte at `position`. */
export async function writeAt(descriptor: number, data: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const count = await writeSome(descriptor, data, done, position + done);
    if (count === 0) throw new Error("The system took no bytes");
    done += count;
  }
}

/** Fills `into` from `position` on, as far as there are bytes; returns how many. */
export async function readAt(descriptor: number, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const count = await readSome(descriptor, into, done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Properties of what is at `path` itself, or `null` when nothing is. */
export function lookAt(path: string): Promise<fs.Stats | null> {
  return look(path).catch(nullWhenMissing);
}

/** Properties of what `path` leads to, or `null` when that is nothing. */
export function lookBehind(path: string): Promise<fs.BigIntStats | null> {
  return behind(path).catch(nullWhenMissing);
}

/** Makes a folder that may be there already, and none above it. */
export async function ensureFolder(path: string, mode?: number): Promise<void> {
  await makeFolder(path, mode).catch((error) => {
    if (systemCode(error) !== "EEXIST") throw error;
  });
}

/** Removes a folder where nothing is in it. Returns whether it is not there afterwards. */
export async function removeEmpty(path: string): Promise<boolean> {
  try {
    await removeFolder(path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(code)) throw error;
    return code === "ENOENT";
  }
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
