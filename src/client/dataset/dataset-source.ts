// A folder as a source: the tar of what was listed, of which every byte can be read again. What is stored is the folder as it was
// listed, or nothing: a file that is not what it was then, or is gone, ends the upload. One that was put into the folder since
// is no part of it, and its sender is told.

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { DyncError, systemCode } from "../../base/error.ts";
import { sha256Of } from "../../base/sha256-of.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { Turns } from "../../base/turns.ts";
import { listLine } from "../../tar/file-list.ts";
import { changedError } from "../file-source.ts";
import { FirstOf } from "../listing/first-of.ts";
import { type Listing, listFolder } from "../listing/listing.ts";
import type { ListingMark } from "../listing/listing-mark.ts";
import { compareBytes, compareInDepth } from "../listing/path-order.ts";
import type { Selection } from "../listing/selection.ts";
import { type Found, walk } from "../listing/walk.ts";
import type { Origin, SourceMark } from "../origin.ts";
import type { Source } from "../source.ts";
import { expectListed, goneError, MemberFiles, type MemberFilesParts } from "./member-files.ts";

export interface DatasetParts extends MemberFilesParts {
  // Tell the user what is left out, and what came too late.
  readonly onNote: (text: string) => void;
  readonly onWarning: (text: string, hint: string) => void;
}

/**
 * Lists the folder of `origin`, and opens it. `known` is what an earlier process wrote down of it, if any. Throws `DyncError` as
 * `listFolder`.
 */
export async function openDataset(
  { path: folder, selection }: Extract<Origin, { kind: "dataset" }>,
  known: ListingMark | null,
  parts: DatasetParts,
  signal: AbortSignal,
): Promise<DatasetSource> {
  const listing = await listFolder({ folder, selection, known }, signal);
  listing.leftOut.tell(parts.onNote);
  return new DatasetSource(listing, selection, parts, signal);
}

export class DatasetSource implements Source {
  readonly canSeek = true;
  readonly size: number;
  readonly modified: string | null;
  readonly mark: SourceMark;
  readonly #listing: Listing;
  readonly #selection: Selection;
  readonly #files: MemberFiles;
  readonly #parts: DatasetParts;
  readonly #signal: AbortSignal;
  readonly #buffer = new Uint8Array(hashedAtOnce);
  #isWarned = false;

  constructor(listing: Listing, selection: Selection, parts: DatasetParts, signal: AbortSignal) {
    this.size = listing.tar.length;
    this.modified = listing.modified;
    this.mark = { kind: "dataset", listing: listing.mark };
    this.#listing = listing;
    this.#selection = selection;
    this.#files = new MemberFiles(listing, parts);
    this.#parts = parts;
    this.#signal = signal;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    return await this.#listing.tar.read(offset, into, (index, at, part) => this.#files.read(index, at, part));
  }

  async verifyUnchanged(checksum: Uint8Array): Promise<void> {
    if (!(await this.#haveTimesMoved())) return;
    // It also moves when nothing but a name or a permission changed: then all is read once more, and the checksum decides.
    const again = await sha256Of(this);
    if ((await this.#haveTimesMoved()) || !again.equals(checksum)) throw this.#changed();
  }

  #changed(): DyncError {
    return changedError(`"${this.#listing.folder}"`, "something in it was written to");
  }

  /**
   * Compares the folder with the listing. Returns whether the time of change of any file, which nobody can set back, is not
   * what it was the last time.
   */
  async #haveTimesMoved(): Promise<boolean> {
    const { folder } = this.#listing;
    const comparison = new Comparison(this.#listing);
    for await (const piece of walk(folder, this.#selection, this.#signal)) {
      for (const found of piece) await comparison.see(found);
    }
    await comparison.end();
    if (comparison.appeared.count > 0 && !this.#isWarned) this.#warnOf(comparison.appeared);
    return comparison.isMoved;
  }

  #warnOf({ items, count }: FirstOf<string>): void {
    this.#isWarned = true;
    const files = count === 1 ? "1 file that" : `${count} files that`;
    const text = `${files} came into "${this.#listing.folder}" after it was listed will not be stored, such as "${items[0]}"`;
    this.#parts.onWarning(text, "send what is missing by itself, or all of it under another name");
  }

  bagFault(): DyncError | null {
    return this.#listing.bagFault();
  }

  async listDigest(onRead: (bytes: number, total: number) => void = () => {}): Promise<string> {
    const digest = await this.#listDigestNow(onRead);
    if (!(await this.#haveTimesMoved())) return digest;
    const again = await this.#listDigestNow(onRead);
    if ((await this.#haveTimesMoved()) || again !== digest) throw this.#changed();
    return digest;
  }

  async #listDigestNow(onRead: (bytes: number, total: number) => void): Promise<string> {
    const { tar, bytes } = this.#listing;
    let read = 0;
    // What is in the system's memory is read in place: without a turn for others nobody would see how far it is, or could stop it.
    const turns = new Turns(piecesPerTurn, this.#signal);
    const note = (count: number): void => {
      read += count;
      onRead(read, bytes);
    };
    const reading = { note, turns };
    const lines: { readonly path: string; readonly digest: Buffer }[] = [];
    for (let index = 0; index < tar.count; index++) {
      if (tar.isFolder(index)) continue;
      lines.push({ path: tar.path(index), digest: await this.#digestOf(index, tar.size(index), reading) });
    }
    lines.sort((a, b) => compareBytes(a.path, b.path));
    const list = createHash("sha256");
    for (const { path, digest } of lines) list.update(listLine(digest, path));
    return list.digest("hex");
  }

  async #digestOf(index: number, size: number, { note, turns }: Reading): Promise<Buffer> {
    const hash = createHash("sha256");
    for (let offset = 0; offset < size; ) {
      const piece = this.#buffer.subarray(0, size - offset);
      await this.#files.read(index, offset, piece);
      hash.update(piece);
      offset += piece.length;
      note(piece.length);
      await turns.step();
    }
    return hash.digest();
  }

  async close(): Promise<void> {
    await this.#files.close();
  }
}

const hashedAtOnce = 256 * 1024;
const piecesPerTurn = 4;

/** Who is told of bytes that were read, and who gets a turn in between. */
interface Reading {
  readonly note: (count: number) => void;
  readonly turns: Turns;
}

/** A listing, compared with what a later walk finds, file by file: both have them in the same order. */
class Comparison {
  readonly appeared = new FirstOf<string>();
  isMoved = false;
  readonly #listing: Listing;
  /** The listed file that comes next, and its path; `null` at the end. */
  #next = -1;
  #path: string | null = null;

  constructor(listing: Listing) {
    this.#listing = listing;
    this.#advance();
  }

  #advance(): void {
    const { tar } = this.#listing;
    do this.#next += 1;
    while (this.#next < tar.count && tar.isFolder(this.#next));
    this.#path = this.#next < tar.count ? tar.path(this.#next) : null;
  }

  async see(found: Found): Promise<void> {
    if (found.type === "unreadable") throw found.error;
    if (found.type !== "file") return;
    await this.#passUpTo(found.path);
    if (this.#path !== found.path) return this.appeared.add(found.path);
    await this.#compare(found.stats);
    this.#advance();
  }

  async end(): Promise<void> {
    await this.#passUpTo(null);
  }

  /** Listed files before `path` were not found. One may be there all the same, with another name by which it was found. */
  async #passUpTo(path: string | null): Promise<void> {
    for (
      let next = this.#path;
      next !== null && (path === null || compareInDepth(next, path) < 0);
      next = this.#path
    ) {
      const at = this.#listing.at(next);
      const stats = await stat(systemPathBytes(at), { bigint: true }).catch((error: unknown) => {
        if (systemCode(error) === "ENOENT") throw goneError(at);
        throw new DyncError("source", `Cannot read "${at}": ${whyUnreadable(error)}`, { cause: error });
      });
      await this.#compare(stats);
      this.#advance();
    }
  }

  async #compare(stats: Parameters<typeof expectListed>[2]): Promise<void> {
    await expectListed(this.#listing, this.#next, stats);
    if (stats.ctimeNs === this.#listing.versions.at(this.#next).changed) return;
    this.isMoved = true;
    this.#listing.versions.setChanged(this.#next, stats.ctimeNs);
  }
}
