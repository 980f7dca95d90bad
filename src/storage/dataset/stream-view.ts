// A dataset's tar as it came, put together again from the journal and the files: for hashing it after a crash.

import { constants } from "node:fs";
import { join } from "node:path";
import type { FoundMember } from "../../tar/member.ts";
import { type TarConsumer, TarReader } from "../../tar/reader.ts";
import { closeFile, openFile, readAt } from "../file-calls.ts";
import type { Journal } from "./journal.ts";
import type { MemberIndex } from "./member-index.ts";
import type { Parts } from "./tree.ts";

interface OpenFile {
  readonly number: number;
  readonly descriptor: number;
}

/** Some of the stream. */
type Piece =
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  /** `length` bytes of the file with this number, from `from` on. */
  | {
      readonly type: "file";
      readonly path: string;
      readonly number: number;
      readonly from: number;
      readonly length: number;
    };

/** Nothing may be written while it is used. */
export class StreamView {
  readonly #journal: Journal;
  readonly #index: MemberIndex;
  readonly #parts: Parts;
  #pieces: AsyncGenerator<Piece> | null = null;
  /** Where in the stream the next read goes on without beginning anew. */
  #offset = 0;
  #rest: Piece | null = null;
  #open: OpenFile | null = null;

  constructor(journal: Journal, index: MemberIndex, parts: Parts) {
    this.#journal = journal;
    this.#index = index;
    this.#parts = parts;
  }

  /** Fills `into` from `offset` as far as there are bytes; returns how many. In order it is fast. */
  async read(offset: number, into: Uint8Array): Promise<number> {
    if (this.#pieces === null || offset < this.#offset) {
      this.#pieces = piecesOf(this.#journal);
      this.#offset = 0;
      this.#rest = null;
    }
    while (this.#offset < offset) if ((await this.#take(offset - this.#offset, null)) === 0) return 0;
    let done = 0;
    while (done < into.length) {
      const count = await this.#take(into.length - done, into.subarray(done));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  /** Goes on by at most `length` bytes, into `into` where it is wanted. Returns by how many, 0 at the end. */
  async #take(length: number, into: Uint8Array | null): Promise<number> {
    this.#rest ??= (await this.#pieces?.next())?.value ?? null;
    const piece = this.#rest;
    if (piece === null) return 0;
    const count = Math.min(length, lengthOf(piece));
    if (into !== null) await this.#copy(piece, into.subarray(0, count));
    this.#rest = count === lengthOf(piece) ? null : behind(piece, count);
    this.#offset += count;
    return count;
  }

  async #copy(piece: Piece, into: Uint8Array): Promise<void> {
    if (piece.type === "bytes") return into.set(piece.bytes.subarray(0, into.length));
    if (this.#open?.number !== piece.number) {
      await this.close();
      // Another one may have taken its place since.
      const isReplaced = this.#index.holder(piece.path)?.number !== piece.number;
      const { content, replaced } = this.#parts;
      const path = isReplaced ? join(replaced, String(piece.number)) : join(content, piece.path);
      this.#open = { number: piece.number, descriptor: await openFile(path, constants.O_RDONLY, 0) };
    }
    const count = await readAt(this.#open.descriptor, into, piece.from);
    if (count < into.length) throw new Error("A file of the dataset is shorter than it was written");
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open !== null) await closeFile(open.descriptor);
  }
}

/** Follows the headers, to know whose content comes. */
class Follower implements TarConsumer {
  path = "";
  /** Of the file that came last. */
  number = -1;
  taken = 0;

  member({ path, type }: FoundMember): void {
    if (type !== "file") return;
    this.path = path;
    this.number += 1;
    this.taken = 0;
  }

  content(): void {}
  end(): void {}
  raw(): void {}
}

async function* piecesOf(journal: Journal): AsyncGenerator<Piece> {
  const reader = new TarReader();
  const follower = new Follower();
  for await (const entry of journal.entries()) {
    if (entry.type === "raw") {
      reader.push(entry.bytes, follower);
      yield { type: "bytes", bytes: entry.bytes };
    } else if (entry.type === "content") {
      const { length } = entry;
      const { path, number, taken: from } = follower;
      reader.skipContent(length);
      follower.taken += length;
      yield { type: "file", path, number, from, length };
    }
  }
}

function lengthOf(piece: Piece): number {
  return piece.type === "bytes" ? piece.bytes.length : piece.length;
}

function behind(piece: Piece, count: number): Piece {
  if (piece.type === "bytes") return { type: "bytes", bytes: piece.bytes.subarray(count) };
  return { ...piece, from: piece.from + count, length: piece.length - count };
}
