// Files as sources. The hard part is a file that changes while it is read: what is stored would be a mixture that never
// existed. What tells it:
//
// - size and time of modification, as ever;
// - the time of change (ctime; on Windows the change time), which programs cannot set back. It also moves when nothing
//   but a name or a permission changed: then the file is read once more, and its checksum decides;
// - the file that has the name now: somebody who deletes "run.raw" after status 0 means that one;
// - for writes through memory maps: they are noticed once per page and write-back. So what is not on disk yet is
//   written there before it is read; what is read before that is over is read once more at the end.

import { createHash, type Hash } from "node:crypto";
import { type BigIntStats, readSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { IoPace } from "../base/io-pace.ts";
import { whyUnreadable } from "../base/system-errors.ts";
import { timestampOf } from "../base/timestamp.ts";
import { within } from "../base/within.ts";
import { type FileVersion, inodeOf, isEqual, versionOf } from "./file-version.ts";
import { type OpenFile, openFile, statsOf } from "./open-file.ts";
import type { SourceMark } from "./origin.ts";
import { type FilePlace, hintOfWrongSize, type Source, StreamSource } from "./source.ts";

// A file that was written just now is on disk after a moment; for longer nobody has to wait.
const flushMsMax = 250;
const rereadBytes = 1024 * 1024;

/** Opens the file at `path` as a source. As `openRegularFile`. */
export async function openFileSource(path: string): Promise<FileSource | StreamSource> {
  const file = await openRegularFile(path);
  try {
    const { size } = await file.stat({ bigint: true });
    const withoutSize = size === 0n ? await openWithoutSize(path, file) : null;
    return withoutSize ?? (await FileSource.over(file, { path }));
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Opens the file at `path`, for reading. Throws `DyncError` ("source") when it is not there, cannot be read, or is no file. */
export async function openRegularFile(path: string): Promise<OpenFile> {
  const file = await openFile(path).catch((error: unknown) => {
    throw new DyncError("source", `Cannot read "${path}": ${whyUnreadable(error)}`, { cause: error });
  });
  try {
    const stats = await file.stat({ bigint: true });
    if (stats.isDirectory()) {
      const hint = "--dataset sends a folder as one upload, -r its files one by one";
      throw new DyncError("source", `Cannot send "${path}": it is a folder, one file is wanted`, { hint });
    }
    if (stats.isFile()) return file;
    const hint = "pipe it in, under a name of your choice";
    throw new DyncError("source", `Cannot send "${path}": it is no regular file`, { hint });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A file of no size, of which the system may not tell it (`/proc`, some network drives), to be read to its end; else `null`. */
async function openWithoutSize(path: string, file: OpenFile): Promise<StreamSource | null> {
  const first = new Uint8Array(rereadBytes);
  const { bytesRead } = await file.read(first, 0, first.length, 0).catch((error: unknown) => {
    throw new DyncError("source", `Cannot read "${path}": ${whyUnreadable(error)}`, { cause: error });
  });
  // A size that the system tells after the first look will do.
  if (bytesRead === 0 || (await file.stat({ bigint: true })).size > 0n) return null;
  const verify = async (bytes: number): Promise<void> => {
    const { size } = await file.stat({ bigint: true });
    if (size !== 0n && size !== BigInt(bytes)) throw changedError(`"${path}"`, `it has ${size} bytes now`);
  };
  const close = (): Promise<void> => file.close();
  return new StreamSource(readToEnd(file, first.subarray(0, bytesRead)), {
    name: `"${path}"`,
    verify,
    close,
  });
}

async function* readToEnd(file: OpenFile, first: Uint8Array): AsyncGenerator<Uint8Array> {
  yield first;
  const buffer = new Uint8Array(rereadBytes);
  for (let offset = first.length; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

export interface FileSourceOptions {
  /** Where it was opened; `null` for one that came open. */
  readonly path: string | null;
  /** Where in the file the source begins, in bytes. */
  readonly begin?: number;
}

/** A file that is read at any offset. Made by `openFileSource` and for a file as standard input. */
export class FileSource implements Source {
  readonly canSeek = true;
  readonly version: FileVersion;
  readonly mark: SourceMark;
  readonly size: number;
  readonly modified: string | null;
  readonly #file: OpenFile;
  readonly #path: string | null;
  readonly #begin: number;
  readonly #pace = new IoPace(systemClock);
  readonly #flush: Flush;
  // What was read before the flush was over, from the beginning: a memory map may have changed it without a trace.
  #unflushed: { readonly hash: Hash; end: number; hasGap: boolean } | null = null;
  // When it last changed, as far as that is known to have changed no byte.
  #changedAt: string;
  /** Whether the system gives one file one number, whichever way it is asked. */
  readonly #hasFileId: boolean;

  private constructor(
    file: OpenFile,
    stats: BigIntStats,
    flush: Flush,
    hasFileId: boolean,
    { path, begin = 0 }: FileSourceOptions,
  ) {
    this.#file = file;
    this.#path = path;
    this.#begin = begin;
    this.version = versionOf(stats);
    this.mark = { kind: "file", version: this.version };
    this.size = Math.max(0, this.version.size - begin);
    this.modified = timestampOf(stats.mtimeNs);
    this.#flush = flush;
    this.#hasFileId = hasFileId;
    this.#changedAt = this.version.changed;
  }

  /** The source that reads `file`, and closes it. */
  static async over(file: OpenFile, options: FileSourceOptions): Promise<FileSource> {
    const flush = new Flush(file);
    await flush.wait(flushMsMax);
    // Afterwards: on network drives the flush itself may be what moves the times.
    const stats = await file.stat({ bigint: true });
    const named = await namedFile(options.path);
    const hasFileId = named !== null && inodeOf(named) === inodeOf(versionOf(stats));
    return new FileSource(file, stats, flush, hasFileId, options);
  }

  // What is read before the flush is over is noted here. One whose number nobody can rely on cannot be told from another one.
  elsewhere(): FilePlace | null {
    if (this.#path === null || !this.#flush.isDone || !this.#hasFileId || this.#unflushed !== null)
      return null;
    return { path: this.#path, begin: this.#begin, version: this.version };
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    if (this.#flush.isDone) return await this.#fill(offset, into);
    const count = await this.#fill(offset, into);
    this.#noteUnflushed(offset, into.subarray(0, count));
    return count;
  }

  #noteUnflushed(offset: number, bytes: Uint8Array): void {
    this.#unflushed ??= { hash: createHash("sha256"), end: 0, hasGap: false };
    const { hash, end } = this.#unflushed;
    // What is read a second time, to be sent again, has to be what the server got first: it compares checksums.
    if (offset > end) this.#unflushed.hasGap = true;
    if (offset !== end) return;
    hash.update(bytes);
    this.#unflushed.end += bytes.length;
  }

  async #fill(offset: number, into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#readOnce(offset + filled, filled === 0 ? into : into.subarray(filled));
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  async #readOnce(offset: number, into: Uint8Array): Promise<number> {
    const position = this.#begin + offset;
    try {
      return await this.#pace.run(
        () => readSync(this.#file.fd, into, 0, into.length, position),
        async () => (await this.#file.read(into, 0, into.length, position)).bytesRead,
      );
    } catch (error) {
      throw this.unreadable(error);
    }
  }

  async verifyUnchanged(checksum: Uint8Array): Promise<void> {
    const now = await this.#currentVersion();
    await this.#refuseReplaced(now);
    if ((await this.#fill(this.size, new Uint8Array(1))) > 0) await this.#refuseLonger();
    const unflushed = this.#unflushed;
    if (now.changed !== this.#changedAt || unflushed?.hasGap === true) {
      await this.#compareAgain(checksum, this.size);
    } else if (unflushed !== null) {
      await this.#compareAgain(unflushed.hash.digest(), unflushed.end);
    }
  }

  /** Reads the bytes before `end` again, of which `checksum` was the SHA-256. */
  async #compareAgain(checksum: Uint8Array, end: number): Promise<void> {
    await this.#flush.done;
    const before = await this.#currentVersion();
    const again = await this.#checksumAgain(end);
    const after = await this.#currentVersion();
    if (before.changed !== after.changed || !again.equals(checksum)) throw this.#changed("it was written to");
    this.#changedAt = after.changed;
    this.#unflushed = null;
  }

  /** The version that is there now; throws when its content cannot be the one that was opened. */
  async #currentVersion(): Promise<FileVersion> {
    const now = versionOf(
      await this.#file.stat({ bigint: true }).catch((error) => this.#throwUnreadable(error)),
    );
    const { size, modified } = this.version;
    if (now.size !== size) throw this.#changed(`it had ${size} bytes and has ${now.size} now`);
    if (now.modified !== modified) throw this.#changed("it was written to");
    return now;
  }

  async #refuseReplaced(now: FileVersion): Promise<void> {
    const named = await namedFile(this.#path);
    // One that was moved away or removed was sent whole.
    if (named === null || inodeOf(named) === inodeOf(now)) return;
    // Some network drives number the same file differently each time they are asked: there size and times have to do.
    // Elsewhere they prove nothing: what is moved over a file changes in the same instant as that one.
    const isSame = !this.#hasFileId && isEqual({ ...named, fileId: now.fileId }, now);
    if (!isSame) throw this.#changed("another file has its name now");
  }

  async #refuseLonger(): Promise<never> {
    await this.#currentVersion();
    const text = `${this.#name} has more than the ${this.version.size} bytes that the system tells`;
    throw new DyncError("source-changed", `Cannot send all of it: ${text}`, { hint: hintOfWrongSize });
  }

  async #checksumAgain(end: number): Promise<Buffer> {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(rereadBytes);
    for (let offset = 0; offset < end; ) {
      const count = await this.#fill(offset, buffer.subarray(0, end - offset));
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      offset += count;
    }
    return hash.digest();
  }

  async close(): Promise<void> {
    // A disk that is slow to take what another program wrote must not keep ours from ending.
    if (this.#flush.isDone) await this.#file.close();
    else void this.#flush.done.then(() => this.#file.close());
  }

  get #name(): string {
    return this.#path === null ? "the standard input" : `"${this.#path}"`;
  }

  #changed(what: string): DyncError {
    return changedError(this.#name, what);
  }

  unreadable(error: unknown): DyncError {
    return new DyncError("source", `Cannot read ${this.#name}: ${whyUnreadable(error)}`, { cause: error });
  }

  #throwUnreadable(error: unknown): never {
    throw this.unreadable(error);
  }
}

/** The version of the file at `path`, or `null` when none is there. */
async function namedFile(path: string | null): Promise<FileVersion | null> {
  const there = path === null ? null : await statsOf(path);
  return there?.isFile() === true ? versionOf(there) : null;
}

/** Writing to disk what the system still has in memory of a file. */
class Flush {
  isDone = false;
  /** Resolves when it is over, also where it is refused: Windows asks for the right to write. */
  readonly done: Promise<void>;

  constructor(file: OpenFile) {
    const onDone = (): void => {
      this.isDone = true;
    };
    this.done = file.datasync().then(onDone, onDone);
  }

  /** Waits for it, at most so long. */
  async wait(timeMs: number): Promise<void> {
    await within(systemClock, timeMs, this.done, () => {});
  }
}

/** The error of the file `name` that changed: `what` says how. */
export function changedError(name: string, what: string): DyncError {
  const hint = "send it again when nothing writes to it any more";
  const text = `${name} changed while it was sent: ${what}`;
  return new DyncError("source-changed", text.charAt(0).toUpperCase() + text.slice(1), { hint });
}
