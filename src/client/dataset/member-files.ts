// Reads the files behind a listing of a folder, and finds out when one is not what was listed any more: it is compared before and after it
// is read. A descriptor is kept until the end of its file, or until another one is asked for. While the medium is slow, small
// files are read ahead, several at once: they wait for the disk or the network together.

import * as fs from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { DyncError, systemCode } from "../../base/error.ts";
import { IoPace } from "../../base/io-pace.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import type { VirtualTar } from "../../tar/virtual-tar.ts";
import { changedError } from "../file-source.ts";
import { inodeOf, type Versions } from "../listing/versions.ts";
import { closeLater, datasyncLater, openFlags, openLater, readLater, statLater } from "../open-file.ts";
import { hintOfWrongSize } from "../source.ts";

/** What files there are, as far as reading them goes. It may grow. */
export interface ListedFiles {
  readonly folder: string;
  /** Whether all files lie on one file system. */
  readonly isOnOneDevice: boolean;
  readonly tar: Pick<VirtualTar, "count" | "path" | "size">;
  readonly versions: Pick<Versions, "at">;
  /** Where the member with this `path` is, as people read it. */
  at(path: string): string;
}

interface OpenMember {
  readonly index: number;
  readonly path: string;
  readonly size: number;
  readonly descriptor: number;
}

// Systems write what was changed through a memory map after half a minute, and until then it has the time of the first change:
// what is younger is written first, so that the next change shows. See file-source.ts.
const youngMs = 60_000;
// Of more than a few such files all that waits to be written goes by one call: each alone would wait for the disk.
const youngFilesMax = 32;
const aheadFilesMax = 32;
const aheadBytesMax = 128 * 1024;

export interface MemberFilesParts {
  readonly clock: Clock;
  /** Writes all that is only in memory of the file system of a folder; resolves to whether that was done. */
  readonly writeAll: (folder: string) => Promise<boolean>;
}

export class MemberFiles {
  readonly #listing: ListedFiles;
  readonly #parts: MemberFilesParts;
  readonly #pace: IoPace;
  #youngFiles = 0;
  /** Resolves to whether nothing waited to be written any more, at some time after the listing. */
  #written: Promise<boolean> | null = null;
  #open: OpenMember | null = null;
  #isReading = false;
  #isClosed = false;
  /** Contents of small files that come next. */
  readonly #ahead = new Map<number, Promise<Uint8Array>>();
  /** The first that was not considered for it. */
  #aheadEnd = 0;

  constructor(listing: ListedFiles, parts: MemberFilesParts) {
    this.#listing = listing;
    this.#parts = parts;
    this.#pace = new IoPace(parts.clock);
  }

  /**
   * Fills all of `into` with the content of the file at `index` of the listing, from `offset` on. One read at a time. Throws
   * `DyncError`: "source-changed" when it is not what was listed, "source" when it cannot be read.
   */
  async read(index: number, offset: number, into: Uint8Array): Promise<void> {
    this.#isReading = true;
    try {
      await this.#read(index, offset, into);
    } finally {
      this.#isReading = false;
      if (this.#isClosed) await this.#closeOpen();
    }
  }

  async #read(index: number, offset: number, into: Uint8Array): Promise<void> {
    if (this.#pace.isSlow || this.#ahead.size > 0) this.#readAhead(index);
    const content = this.#ahead.get(index);
    if (content === undefined) return await this.#readInPlace(index, offset, into);
    const bytes = await content;
    into.set(bytes.subarray(offset, offset + into.length));
    if (offset + into.length === bytes.length) this.#ahead.delete(index);
  }

  async #readInPlace(index: number, offset: number, into: Uint8Array): Promise<void> {
    const file = this.#open?.index === index ? this.#open : await this.#switchTo(index);
    await this.#fill(file, offset, into);
    if (offset + into.length < file.size) return;
    this.#open = null;
    await this.#finish(file);
  }

  async #switchTo(index: number): Promise<OpenMember> {
    await this.#closeOpen();
    this.#open = await this.#openMember(index);
    return this.#open;
  }

  /** Begins to read what follows `index`, and forgets what is far from it. */
  #readAhead(index: number): void {
    const end = Math.min(index + aheadFilesMax, this.#listing.tar.count);
    for (const known of this.#ahead.keys()) if (known < index || known >= end) this.#ahead.delete(known);
    if (this.#aheadEnd < index || this.#aheadEnd > end) this.#aheadEnd = index + 1;
    for (; this.#pace.isSlow && this.#aheadEnd < end; this.#aheadEnd++) {
      const at = this.#aheadEnd;
      const size = this.#listing.tar.size(at);
      // Of a folder as well it is 0.
      if (size === 0 || size > aheadBytesMax) continue;
      const content = this.#wholeOf(at);
      // Who asks for it hears of it, and may ask again.
      content.catch(() => this.#ahead.delete(at));
      this.#ahead.set(at, content);
    }
  }

  async #wholeOf(index: number): Promise<Uint8Array> {
    const file = await this.#openMember(index);
    const content = new Uint8Array(file.size);
    try {
      await this.#fill(file, 0, content);
    } catch (error) {
      await this.#close(file.descriptor);
      throw error;
    }
    await this.#finish(file);
    return content;
  }

  async #openMember(index: number): Promise<OpenMember> {
    const { tar } = this.#listing;
    const size = tar.size(index);
    const path = this.#listing.at(tar.path(index));
    const system = systemPathBytes(path);
    const descriptor = await this.#call(
      path,
      () => fs.openSync(system, openFlags),
      () => openLater(system, openFlags),
    );
    const file = { index, path, size, descriptor };
    try {
      if (this.#isYoung(index)) await this.#write(file);
      await this.#compare(file);
      return file;
    } catch (error) {
      await this.#close(descriptor);
      throw error;
    }
  }

  #isYoung(index: number): boolean {
    const ageMs =
      this.#parts.clock.date().getTime() - Number(this.#listing.versions.at(index).modified / 1_000_000n);
    return ageMs < youngMs;
  }

  async #write(file: OpenMember): Promise<void> {
    if (++this.#youngFiles > youngFilesMax && this.#listing.isOnOneDevice) {
      this.#written ??= this.#parts.writeAll(this.#listing.folder);
      if (await this.#written) return;
    }
    await this.#flush(file);
  }

  async #flush({ descriptor, size }: OpenMember): Promise<void> {
    const later = (): Promise<void> => datasyncLater(descriptor);
    try {
      // Of a large file there may be much that waits for the disk.
      if (size > aheadBytesMax) await later();
      else await this.#pace.run(() => fs.fdatasyncSync(descriptor), later);
    } catch {
      // Windows asks for the right to write.
    }
  }

  async #fill(file: OpenMember, offset: number, into: Uint8Array): Promise<void> {
    for (let filled = 0; filled < into.length; ) {
      const count = await this.#readOnce(file, offset + filled, into.subarray(filled));
      if (count === 0) {
        await this.#compare(file);
        throw wrongSize(file);
      }
      filled += count;
    }
  }

  #readOnce({ path, descriptor }: OpenMember, position: number, into: Uint8Array): Promise<number> {
    return this.#call(
      path,
      () => fs.readSync(descriptor, into, 0, into.length, position),
      async () => (await readLater(descriptor, into, 0, into.length, position)).bytesRead,
    );
  }

  /** All of it was read. */
  async #finish(file: OpenMember): Promise<void> {
    try {
      const hasMore = (await this.#readOnce(file, file.size, new Uint8Array(1))) > 0;
      await this.#compare(file);
      if (hasMore) throw wrongSize(file);
    } finally {
      await this.#close(file.descriptor);
    }
  }

  async #compare({ index, path, descriptor }: OpenMember): Promise<void> {
    const stats = await this.#call(
      path,
      () => fs.fstatSync(descriptor, { bigint: true }),
      () => statLater(descriptor, { bigint: true }),
    );
    await expectListed(this.#listing, index, stats);
  }

  async #call<T>(path: string, inPlace: () => T, pooled: () => Promise<T>): Promise<T> {
    try {
      return await this.#pace.run(inPlace, pooled);
    } catch (error) {
      // A folder on the way to it may be a file by now.
      const isGone = ["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "");
      throw isGone ? goneError(path) : unreadableError(path, error);
    }
  }

  async #close(descriptor: number): Promise<void> {
    await this.#pace.run(
      () => fs.closeSync(descriptor),
      () => closeLater(descriptor),
    );
  }

  /** Closes what is open; what is being read, ahead or not, when it is there: a medium that does not answer keeps nobody waiting. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#isReading) await this.#closeOpen();
  }

  async #closeOpen(): Promise<void> {
    const file = this.#open;
    this.#open = null;
    if (file !== null) await this.#close(file.descriptor);
  }
}

/**
 * Throws `DyncError` ("source-changed") when a file with these `stats` is not the one at `index` of the listing. The time of
 * change may be another: who looks for it compares it.
 */
export async function expectListed(
  listing: ListedFiles,
  index: number,
  stats: fs.BigIntStats,
): Promise<void> {
  const size = listing.tar.size(index);
  const listed = listing.versions.at(index);
  const { mtimeNs, ctimeNs } = stats;
  const changed = (what: string): DyncError => changedError(`"${listing.at(listing.tar.path(index))}"`, what);
  if (!stats.isFile()) throw changed("it is no file any more");
  if (Number(stats.size) !== size) throw changed(`it had ${size} bytes and has ${stats.size} now`);
  if (mtimeNs !== listed.modified) throw changed("it was written to");
  const inode = inodeOf(stats);
  if (inode === listed.inode) return;
  // Some network drives number the same file differently each time they are asked: there size and times have to do.
  const path = systemPathBytes(listing.at(listing.tar.path(index)));
  const again = await fs.promises.stat(path, { bigint: true }).catch(() => null);
  const isNumberedAnew = again !== null && inodeOf(again) !== inode;
  if (!isNumberedAnew || ctimeNs !== listed.changed) throw changed("another file has its name now");
}

/** The error for a file that was listed, and is not there. */
export function goneError(path: string): DyncError {
  return changedError(`"${path}"`, "it is not there any more");
}

function unreadableError(path: string, error: unknown): DyncError {
  return new DyncError("source", `Cannot read "${path}": ${whyUnreadable(error)}`, { cause: error });
}

function wrongSize({ path, size }: OpenMember): DyncError {
  const text = `"${path}" has not the ${size} bytes that the system tells`;
  return new DyncError("source-changed", `Cannot send all of it: ${text}`, { hint: hintOfWrongSize });
}
