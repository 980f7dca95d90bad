// What a dataset's tar means, member by member: which files and folders are to be made, and which may not be. Judges every
// path, gives it to the member, and counts; touches no file.

import { assert } from "../../base/assert.ts";
import { quotedText } from "../../base/cut-text.ts";
import { DyncError } from "../../base/error.ts";
import { type FoundMember, TarFault } from "../../tar/member.ts";
import { bagFault, foldersOf, pathFault } from "../../tar/member-path.ts";
import { type TarConsumer, TarReader } from "../../tar/reader.ts";
import type { Layout } from "../../upload/upload.ts";
import type { Entry } from "./journal-entries.ts";
import type { Holder, MemberIndex } from "./member-index.ts";

/** A file of the dataset. */
export interface FileMember {
  readonly path: string;
  /** Which file of the stream it is, from 0. */
  readonly number: number;
  readonly size: number;
  /** RFC 3339, UTC, or `null`. */
  readonly modified: string | null;
  readonly executable: boolean;
}

/** What a piece of the stream asks for, one after the other. Bytes are views on the piece. */
export type Step =
  /** Bytes that are no content. */
  | { readonly type: "raw"; readonly bytes: Uint8Array }
  | { readonly type: "folder"; readonly path: string }
  /** A file begins, in the place of the one with the number `replaced`. */
  | { readonly type: "file"; readonly file: FileMember; readonly replaced: number | null }
  | { readonly type: "content"; readonly bytes: Uint8Array }
  /** The file is whole. */
  | { readonly type: "end"; readonly file: FileMember }
  /** What is at this path goes: see `Members.removing`. */
  | { readonly type: "removal"; readonly path: string };

export interface MembersOptions {
  readonly layout: Layout;
  /** The one folder in the tar, where that is the dataset. */
  readonly root?: string | undefined;
  /** Most files and folders, each counted as often as it takes room on the disk. */
  readonly membersMax: number;
}

const shownBytesMax = 200;
// Looking one up takes some microseconds.
const knownFoldersMax = 1000;

export class Members implements TarConsumer {
  readonly #options: MembersOptions;
  readonly #index: MemberIndex;
  readonly #reader = new TarReader();
  #steps: Step[] = [];
  /** The file that came last. */
  #file: FileMember | null = null;
  #files = 0;
  #count = 0;
  #isRootThere = false;
  /** Some of the folders that are there. */
  readonly #folders = new Set<string>();

  constructor(index: MemberIndex, options: MembersOptions) {
    this.#index = index;
    this.#options = options;
  }

  /** How many files came, those that were replaced among them. */
  get files(): number {
    return this.#files;
  }

  /** The file whose content is not whole, and how much of it is; `null` between files. */
  get unfinished(): { readonly file: FileMember; readonly taken: number } | null {
    const left = this.#reader.contentLeft;
    if (left === 0 || this.#file === null) return null;
    return { file: this.#file, taken: this.#file.size - left };
  }

  /**
   * Takes the next piece of the stream. A removal is the last of some steps, and has to be done, with `removing`, before more are
   * asked for: what follows is judged by what is left. Throws `DyncError` ("content-rejected", "too-large"); then nothing may follow.
   */
  *push(bytes: Uint8Array): Generator<readonly Step[]> {
    for (let at = 0; at < bytes.length; ) {
      this.#steps = [];
      const rest = at === 0 ? bytes : bytes.subarray(at);
      at += asRefusal(() => this.#reader.push(rest, this));
      yield this.#steps;
    }
  }

  /**
   * What is at `path`, some at a time: what is in a folder comes before it. Whoever asks for more has taken out what came, and
   * it is forgotten.
   */
  *removing(path: string): Generator<readonly Holder[]> {
    this.#folders.clear();
    this.#file = null;
    for (let some = this.#index.within(path); some.length > 0; some = this.#index.within(path)) {
      yield some;
      for (const { path, number } of some) {
        this.#index.forget(path);
        // A file takes room until all is there, for the stream to be read again.
        if (number === null) this.#count -= 1;
      }
    }
  }

  /** A file is whole. `etag`: what a store calls its content, where it lies in one. */
  ended({ path, size }: FileMember, sha256: Uint8Array, etag: string | null = null): void {
    this.#index.putFile({ path, size, sha256, etag });
  }

  /** Takes what a journal kept of the stream, and was done then; yields where that is long. Throws as `push`. */
  *replay(entry: Entry): Generator<void> {
    if (entry.type === "raw") {
      for (const steps of this.push(entry.bytes)) {
        const last = steps.at(-1);
        if (last?.type === "removal") for (const _some of this.removing(last.path)) yield;
      }
    } else if (entry.type === "content") this.#reader.skipContent(entry.length);
    else if (entry.type === "digest") {
      assert(this.#file !== null && this.#reader.contentLeft === 0, "a checksum belongs to a whole file");
      this.ended(this.#file, entry.sha256, entry.etag);
    }
  }

  /** The stream is over. Throws `DyncError` ("content-rejected") when it is not whole. */
  finish(): void {
    asRefusal(() => this.#reader.finish());
    const { root } = this.#options;
    if (root !== undefined && !this.#isRootThere)
      throw refusal(`The tar is empty, expected the folder ${shown(root)} in it`);
  }

  raw(bytes: Uint8Array): void {
    this.#steps.push({ type: "raw", bytes });
  }

  content(bytes: Uint8Array): void {
    this.#steps.push({ type: "content", bytes });
  }

  end(): void {
    // A folder has no content that could end.
    if (this.#file !== null) this.#steps.push({ type: "end", file: this.#file });
  }

  removed(whole: string): boolean {
    const path = this.#withinRoot(whole, "folder");
    this.#judge(path, "folder");
    const holder = this.#index.holder(path);
    if (holder?.path !== path) throw refusal(`The tar takes ${shown(path)} out again, which is not there`);
    this.#steps.push({ type: "removal", path });
    return false;
  }

  member({ path: whole, type, size, modified, executable }: FoundMember): void {
    this.#file = null;
    const path = this.#withinRoot(whole, type);
    // The folder in which the tar is unpacked, as "tar -c ." names it.
    if (type === "folder" && path === ".") return;
    this.#judge(path, type);
    for (const folder of foldersOf(path)) this.#claimFolder(folder);
    if (type === "folder") {
      this.#claimFolder(path);
      return this.#index.putFolder(path, modified);
    }
    const file = { path, number: this.#files++, size, modified, executable };
    this.#file = file;
    this.#steps.push({ type: "file", file, replaced: this.#claimFile(file) });
  }

  #withinRoot(path: string, type: FoundMember["type"]): string {
    const { root } = this.#options;
    if (root === undefined || (path === "." && type === "folder")) return path;
    this.#isRootThere = true;
    if (path === root && type === "folder") return ".";
    if (path.startsWith(`${root}/`)) return path.slice(root.length + 1);
    if (path === root)
      throw refusal(`The tar has the ${type} ${shown(root)} in it, expected a folder of this name`);
    const top = path.slice(0, path.indexOf("/") + 1 || undefined).replace(/\/$/, "");
    const text = `The tar has ${shown(top)} in it, expected one folder with the name of the tar, ${shown(root)}`;
    throw refusal(text);
  }

  #judge(path: string, type: FoundMember["type"]): void {
    const fault = pathFault(path) ?? (this.#options.layout === "bagit" ? bagFault(path) : null);
    if (fault !== null) throw refusal(`The path ${shown(path)} ${fault}`);
    if (type !== "file" && type !== "folder")
      throw refusal(`${shown(path)} is a ${type}: a dataset has files and folders`);
  }

  #claimFolder(path: string): void {
    if (this.#folders.has(path)) return;
    const holder = this.#index.claim(path, null);
    if (holder === null) {
      this.#grow();
      this.#index.putFolder(path, null);
      this.#steps.push({ type: "folder", path });
    } else {
      expectSame(path, holder.path);
      if (holder.number !== null) throw bothKinds(path);
    }
    if (this.#folders.size >= knownFoldersMax) this.#folders.clear();
    this.#folders.add(path);
  }

  /** Number of the file that it takes the place of, or `null`. */
  #claimFile({ path, number }: FileMember): number | null {
    this.#grow();
    const holder = this.#index.claim(path, number);
    if (holder === null) return null;
    expectSame(path, holder.path);
    if (holder.number === null) throw bothKinds(path);
    this.#index.replace(path, number);
    return holder.number;
  }

  #grow(): void {
    const { membersMax } = this.#options;
    this.#count += 1;
    if (this.#count <= membersMax) return;
    throw new DyncError(
      "too-large",
      `The dataset has more than ${membersMax} files and folders, the most that are allowed`,
    );
  }
}

function asRefusal<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof TarFault ? refusal(error.message) : error;
  }
}

function expectSame(path: string, there: string): void {
  if (path !== there) throw refusal(`The paths ${shown(there)} and ${shown(path)} count as the same name`);
}

function bothKinds(path: string): DyncError {
  return refusal(`The path ${shown(path)} is that of a file and of a folder`);
}

function refusal(text: string): DyncError {
  return new DyncError("content-rejected", text);
}

function shown(path: string): string {
  return quotedText(path, shownBytesMax);
}
