// What is uploaded: a file or a stream, read by offset. A file that changes while it is read is found out here.

import { type BigIntStats, constants, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { assert } from "../base/assert.ts";
import { systemClock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { IoPace } from "../base/io-pace.ts";
import { systemPath } from "../base/system-path.ts";

export interface Source {
  /** Bytes in all, or `null` for a stream. */
  readonly size: number | null;
  /** Whether any offset can be read again. */
  readonly canSeek: boolean;
  /** Fills `into` from `offset` as far as there are bytes; returns how many, 0 only at the end. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** Throws `DyncError` ("source-changed") when it is not what it was when it was opened. */
  verifyUnchanged(): Promise<void>;
  close(): Promise<void>;
}

/** What tells one version of a file from another. */
export interface FileVersion {
  readonly size: number;
  /** Nanoseconds as text: they do not fit a number. */
  readonly modified: string;
  /** Device and inode. */
  readonly fileId: string;
}

// A named pipe would otherwise keep us waiting until somebody writes to it. Windows has none, and no such flag.
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

export class FileSource implements Source {
  readonly path: string;
  readonly version: FileVersion;
  readonly canSeek = true;
  readonly #file: FileHandle;
  readonly #pace = new IoPace(systemClock);

  private constructor(path: string, file: FileHandle, version: FileVersion) {
    this.path = path;
    this.#file = file;
    this.version = version;
  }

  /** Throws `DyncError` ("source") when there is no such file, it cannot be read, or is no regular file. */
  static async open(path: string): Promise<FileSource> {
    let file: FileHandle;
    try {
      file = await open(systemPath(path), openFlags);
    } catch (error) {
      throw new DyncError("source", `Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
    }
    try {
      const stats = await file.stat({ bigint: true });
      if (stats.isDirectory()) {
        const hint = `pack it: tar -c ${JSON.stringify(path)} | dync -n ${basename(path)}.tar SERVER`;
        throw new DyncError("source", `Cannot send "${path}": it is a folder, one file is wanted`, { hint });
      }
      if (!stats.isFile()) {
        const hint = `read it as a stream: dync -n NAME SERVER - < ${path}`;
        throw new DyncError("source", `Cannot send "${path}": it is no regular file`, { hint });
      }
      return new FileSource(path, file, versionOf(stats));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get size(): number {
    return this.version.size;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#readOnce(offset + filled, filled === 0 ? into : into.subarray(filled));
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  async #readOnce(offset: number, into: Uint8Array): Promise<number> {
    try {
      return await this.#pace.run(
        () => readSync(this.#file.fd, into, 0, into.length, offset),
        async () => (await this.#file.read(into, 0, into.length, offset)).bytesRead,
      );
    } catch (error) {
      throw new DyncError("source", `Cannot read "${this.path}": ${reasonOf(error)}`, { cause: error });
    }
  }

  async verifyUnchanged(): Promise<void> {
    const now = versionOf(await this.#file.stat({ bigint: true }));
    const { size, modified } = this.version;
    if (now.size === size && now.modified === modified) return;
    const what = now.size === size ? "it was written to" : `it had ${size} bytes and has ${now.size} now`;
    const hint = "send it again when nothing writes to it any more";
    throw new DyncError("source-changed", `"${this.path}" changed while it was sent: ${what}`, { hint });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function versionOf(stats: BigIntStats): FileVersion {
  return {
    size: Number(stats.size),
    modified: stats.mtimeNs.toString(),
    fileId: `${stats.dev}:${stats.ino}`,
  };
}

function reasonOf(error: unknown): string {
  const reasons: Record<string, string> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EBUSY: "another program uses it",
    EPERM: "permission denied",
    ENOTDIR: "a part of the path is no folder",
    EIO: "the disk reports an error",
  };
  return reasons[systemCode(error) ?? ""] ?? messageOf(error);
}

/** A stream that can only be read once, from its beginning: stdin. */
export class StreamSource implements Source {
  readonly size = null;
  readonly canSeek = false;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #ended = false;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    assert(offset === this.#offset, "a stream is read in order");
    let filled = 0;
    while (filled < into.length && (await this.#fill())) {
      const part = this.#rest.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    this.#offset += filled;
    return filled;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0 && !this.#ended) {
      try {
        const next = await this.#chunks.next();
        if (next.done === true) this.#ended = true;
        else this.#rest = next.value;
      } catch (error) {
        throw new DyncError("source", `Cannot read the standard input: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    return this.#rest.length > 0;
  }

  async verifyUnchanged(): Promise<void> {}

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
