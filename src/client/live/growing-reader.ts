// Reads chunks of a source that grows while it is sent. Nothing of it may be read a second time for the checksum, and what is read again to be
// sent again may be another content by then: so the checksum goes back with the server, and holds what was read last.

import { DyncError } from "../../base/error.ts";
import type { Block } from "../../transport/transport.ts";
import { type Chunk, type ChunkReading, pieceBytes, type Whole } from "../chunk.ts";
import { CannotGoOn } from "../source.ts";
import type { SavedHash } from "./saved-hash.ts";

/** A source as this reader sees it. */
export interface Growing {
  /**
   * Bytes that can be read from `offset` on; resolves when there are some, to 0 at the end. Rejects with the reason of `signal` when that
   * aborts.
   */
  ahead(offset: number, signal: AbortSignal): Promise<number>;
  /** Fills `into` from `offset` on, within what is there. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** As `read`, of what was sent before. Rejects with `CannotGoOn` where it is not what it was then. */
  readAgain(offset: number, into: Uint8Array): Promise<number>;
  /** All of it was read. */
  ended(whole: Whole): Promise<void>;
}

export class GrowingReader implements ChunkReading {
  readonly #source: Growing;
  readonly #hash: SavedHash;
  readonly #allocate: (length: number) => Block;
  #whole: Whole | null = null;
  #waiting: AbortController | null = null;
  /** What is read next is not what comes behind the chunk before. */
  #isElsewhere = true;

  constructor(source: Growing, hash: SavedHash, allocate: (length: number) => Block) {
    this.#source = source;
    this.#hash = hash;
    this.#allocate = allocate;
  }

  get whole(): Whole | null {
    return this.#whole;
  }

  async chunkAt(offset: number, lengthMax: number): Promise<Chunk> {
    if (this.#isElsewhere) this.#hash.goTo(offset);
    else this.#hash.goAlong(offset);
    this.#isElsewhere = false;
    await this.#hashUpTo(offset);
    const there = await this.#ahead(offset);
    if (there === 0) return await this.#endAt(offset);
    const block = this.#allocate(Math.min(lengthMax, there));
    try {
      const { length } = block;
      for (let filled = 0; filled < length; ) {
        const piece = block.bytes.subarray(filled, filled + pieceBytes);
        filled += await this.#source.read(offset + filled, piece);
        this.#hash.update(piece);
      }
      this.#hash.note();
      return { offset, length, block, checksum: null, isCaughtUp: length === there };
    } catch (error) {
      block.release();
      throw error;
    }
  }

  async #ahead(offset: number): Promise<number> {
    this.#waiting = new AbortController();
    try {
      return await this.#source.ahead(offset, this.#waiting.signal);
    } finally {
      this.#waiting = null;
    }
  }

  /** Only where states were lost is anything read here: see `SavedHash`. */
  async #hashUpTo(offset: number): Promise<void> {
    const hash = this.#hash;
    const buffer = new Uint8Array(Math.min(pieceBytes, offset - hash.position));
    while (hash.position < offset) {
      const piece = buffer.subarray(0, offset - hash.position);
      const count = await this.#source.readAgain(hash.position, piece);
      if (count === 0)
        throw new CannotGoOn(`The server has ${offset} bytes, and ${hash.position} are known here`);
      hash.update(piece.subarray(0, count));
    }
    hash.note();
  }

  async #endAt(size: number): Promise<Chunk> {
    const checksum = this.#hash.digest();
    this.#whole = { size, checksum };
    await this.#source.ended(this.#whole);
    return { offset: size, length: 0, block: null, checksum };
  }

  // There is nothing to be kept: each byte is in a file, or is not needed any more.
  forgetBefore(): void {}

  sending({ offset, length }: Chunk): void {
    this.#hash.sent(offset, offset + length);
  }

  abandon(): void {
    this.#isElsewhere = true;
    this.stopWaiting();
  }

  stopWaiting(): void {
    this.#waiting?.abort(new DyncError("cancelled", "The server wants to go on elsewhere"));
  }
}
