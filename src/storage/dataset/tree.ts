// The files of a dataset that is on its way, in the hidden folder where they stay until all of it is there. Does what the
// members ask for with few calls: one sync at the end makes all of it durable, and no file is looked at twice.

import { hash } from "node:crypto";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { assert } from "../../base/assert.ts";
import { systemCode } from "../../base/error.ts";
import { secondsText } from "../../base/timestamp.ts";
import type { Layout } from "../../upload/upload.ts";
import { syncFolder } from "../durable-files.ts";
import {
  changeTimes,
  closeFile,
  ensureFolder,
  fsync,
  moveEntry,
  nullWhenMissing,
  openAny,
  openFile,
  readAt,
  removeFolder,
  truncateFile,
  writeAt,
  writeWholeFile,
} from "../file-calls.ts";
import { lengthOfState, type Sha256, type Sha256Maker } from "../sha256/sha256.ts";
import type { Holder } from "./member-index.ts";
import type { FileMember } from "./members.ts";

/** What of the hidden folder `folder` of a dataset gets the dataset's name. */
export function treeOf(folder: string): string {
  return join(folder, "tree");
}

/** Where what lies in the hidden folder `folder` of a dataset. */
export function partsOf(folder: string, layout: Layout) {
  const tree = treeOf(folder);
  return {
    journal: join(folder, "journal"),
    index: join(folder, "index"),
    /** What gets the dataset's name. */
    tree,
    /** The dataset's own files and folders. */
    content: layout === "bagit" ? join(tree, "data") : tree,
    /** Files that another one took the place of, or that were taken out again, by their numbers. */
    replaced: join(folder, "replaced"),
  };
}
export type Parts = ReturnType<typeof partsOf>;

export interface TreeOptions {
  /** Whether each file has to be synced by itself, because the system offers nothing for all. */
  readonly syncsEach: boolean;
  /** By what files are hashed that do not come at once. */
  readonly sha256: Sha256Maker;
  /** The file system does not take the time of modification. */
  readonly onTimeRefused: (cause: unknown) => void;
}

/** The file that is being written. */
interface Current {
  readonly file: FileMember;
  taken: number;
  descriptor: number | null;
  /** Of all that was taken; `null` where an earlier process took some. */
  hash: Sha256 | null;
  /** A state of the hash that an earlier process left. */
  readonly saved: Uint8Array | null;
  sha256: Uint8Array | null;
}

const readBytes = 1024 * 1024;
const foldersMax = 1000;
const plainMode = 0o666;
const executableMode = 0o777;

export class Tree {
  readonly #parts: Parts;
  readonly #options: TreeOptions;
  #current: Current | null = null;
  #hasReplaced = false;
  /** The current file is synced beside what comes next. */
  #syncing: Promise<void> | null = null;
  /** Folders that have entries which may not be durable; only where each file is synced. */
  readonly #touched = new Set<string>();

  constructor(parts: Parts, options: TreeOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Makes a folder; one that is there is fine. */
  async makeFolder(path: string): Promise<void> {
    const folder = join(this.#parts.content, path);
    await ensureFolder(folder);
    if (this.#options.syncsEach) await this.#touch(folder);
  }

  /** A file begins, in the place of the one with the number `replaced`: that one is kept, for the stream to be read again. */
  async begin(file: FileMember, replaced: number | null): Promise<void> {
    if (replaced !== null) await this.#setAside(file.path, replaced);
    this.#current = { file, taken: 0, descriptor: null, hash: null, saved: null, sha256: null };
  }

  /** Takes out a file, which is kept for the same reason, or a folder in which nothing is left. */
  async remove({ path, number }: Holder): Promise<void> {
    if (number !== null) await this.#setAside(path, number);
    else {
      const folder = join(this.#parts.content, path);
      await removeFolder(folder);
      if (this.#options.syncsEach) await this.#touch(folder);
    }
  }

  async #setAside(path: string, number: number): Promise<void> {
    if (!this.#hasReplaced) await ensureFolder(this.#parts.replaced);
    this.#hasReplaced = true;
    const [from, to] = [join(this.#parts.content, path), join(this.#parts.replaced, String(number))];
    await moveEntry(from, to);
    if (!this.#options.syncsEach) return;
    await this.#touch(from);
    await this.#touch(to);
  }

  /** Goes on with a file of which `taken` bytes are there; `saved`: a state of its hash after as many or fewer. */
  goOn(file: FileMember, taken: number, saved: Uint8Array | null): void {
    this.#current = { file, taken, descriptor: null, hash: null, saved, sha256: null };
  }

  /** State of the hash of what was taken of the file that is being written; `null` where there is none. */
  state(): Uint8Array | null {
    return this.#current?.hash?.save() ?? null;
  }

  /** Takes the next bytes of the file, straight from their memory. */
  async write(bytes: Uint8Array): Promise<void> {
    const current = this.#currentFile();
    const { file, taken } = current;
    if (taken === 0 && bytes.length === file.size && !this.#options.syncsEach) {
      await this.#writeWhole(current, bytes);
    } else {
      if (current.descriptor === null) {
        current.descriptor = await this.#open(current);
        current.hash = taken === 0 ? this.#options.sha256.create() : await this.#hashOfTaken(current);
      }
      await writeAt(current.descriptor, bytes, taken);
      current.hash?.update(bytes);
    }
    current.taken += bytes.length;
  }

  async #writeWhole(current: Current, bytes: Uint8Array): Promise<void> {
    const { path, modified, executable } = current.file;
    current.sha256 = hash("sha256", bytes, "buffer");
    const target = join(this.#parts.content, path);
    const mode = executable ? executableMode : plainMode;
    const seconds = modified === null ? null : secondsText(modified);
    try {
      await writeWholeFile(target, bytes, mode, seconds);
    } catch (error) {
      // Of the calls in it, this one alone says so where the others went well.
      if (seconds === null || !isTimeRefusal(error)) throw error;
      await writeWholeFile(target, bytes, mode, null);
      this.#options.onTimeRefused(error);
    }
  }

  async #open({ file, taken }: Current): Promise<number> {
    const mode = file.executable ? executableMode : plainMode;
    const path = join(this.#parts.content, file.path);
    const descriptor = await openFile(path, openAny, mode);
    // What an earlier process wrote, and nobody knows of.
    await truncateFile(descriptor, taken);
    if (this.#options.syncsEach) await this.#touch(path);
    return descriptor;
  }

  /** The file is whole. Resolves to its SHA-256. */
  async end(): Promise<Uint8Array> {
    const current = this.#currentFile();
    const { file } = current;
    if (file.size === 0) await this.write(new Uint8Array(0));
    assert(current.taken === file.size, "a file is whole when it ends");
    const sha256 = current.sha256 ?? current.hash?.digest() ?? (await this.#hashAgain(current));
    if (current.descriptor !== null) await this.#setModified(current.descriptor, file.modified);
    if (current.descriptor !== null && this.#options.syncsEach) await fsync(current.descriptor);
    await this.close();
    return sha256;
  }

  // Rare: an upload that was gone on with in the middle of a file.
  async #hashAgain({ file, descriptor }: Current): Promise<Uint8Array> {
    const again = this.#options.sha256.create();
    await hashPart(descriptor as number, again, 0, file.size);
    return again.digest();
  }

  /** Goes on with what an earlier process left of the hash, where it did. */
  async #hashOfTaken({ saved, taken, descriptor }: Current): Promise<Sha256 | null> {
    const hash = saved === null ? null : this.#options.sha256.load(saved);
    if (saved === null || hash === null) return null;
    await hashPart(descriptor as number, hash, lengthOfState(saved), taken);
    return hash;
  }

  async #setModified(descriptor: number, modified: string | null): Promise<void> {
    if (modified === null) return;
    const seconds = secondsText(modified);
    await changeTimes(descriptor, seconds, seconds).catch(this.#options.onTimeRefused);
  }

  /** Where each file is synced: makes the rest durable, as far as it goes. */
  async sync(): Promise<void> {
    const descriptor = this.#current?.descriptor ?? null;
    if (descriptor !== null) {
      this.#syncing = fsync(descriptor);
      await this.#syncing;
    }
    await this.#syncFolders();
  }

  async #touch(path: string): Promise<void> {
    this.#touched.add(join(path, ".."));
    if (this.#touched.size >= foldersMax) await this.#syncFolders();
  }

  async #syncFolders(): Promise<void> {
    const folders = [...this.#touched];
    this.#touched.clear();
    // One may have been taken out again since: that is an entry of the one that it was in.
    for (const folder of folders) await syncFolder(folder).catch(nullWhenMissing);
  }

  #currentFile(): Current {
    assert(this.#current !== null, "content belongs to a file");
    return this.#current;
  }

  /** Lets go of the file that is being written; it stays as it is. */
  async close(): Promise<void> {
    const descriptor = this.#current?.descriptor ?? null;
    this.#current = null;
    // A descriptor that is closed under a running call may be another file's by the time the call uses it. Its failure is told to who
    // asked for it.
    await this.#syncing?.catch(() => {});
    this.#syncing = null;
    if (descriptor !== null) await closeFile(descriptor);
  }
}

/** Hashes the bytes of a file from `from` up to `end`. */
async function hashPart(descriptor: number, hash: Sha256, from: number, end: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(readBytes, end - from));
  for (let at = from; at < end; await setImmediate()) {
    const count = await readAt(descriptor, buffer.subarray(0, end - at), at);
    if (count === 0) throw new Error("A file of the dataset is shorter than it was written");
    hash.update(buffer.subarray(0, count));
    at += count;
  }
}

// What file systems say that keep no times, or not these.
function isTimeRefusal(error: unknown): boolean {
  return ["EINVAL", "EPERM", "ENOSYS", "EOVERFLOW", "ERANGE"].includes(systemCode(error) ?? "");
}
