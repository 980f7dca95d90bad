// Reads a source into memory and hashes every byte of it exactly once, in order, also where some of it is read a second time.

import { createHash } from "node:crypto";
import type { Block } from "../transport/transport.ts";
import { pieceBytes } from "./chunk.ts";

/** Fills `into` from `offset` as far as there are bytes; returns how many, 0 only at the end. */
export type Read = (offset: number, into: Uint8Array) => number | Promise<number>;

const hashAheadBytes = 1024 * 1024;

export class HashedReading {
  readonly #read: Read;
  readonly #hash = createHash("sha256");
  #hashed = 0;

  constructor(read: Read) {
    this.#read = read;
  }

  /** Bytes that were hashed, from the beginning. */
  get hashed(): number {
    return this.#hashed;
  }

  /** Fills `into` from `offset`, where what lies before is hashed, and hashes what of it is new. Returns the bytes read: fewer at the end. */
  async fill(offset: number, into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const piece = into.subarray(filled, filled + pieceBytes);
      const count = await this.#read(offset + filled, piece);
      this.#hashNew(offset + filled, piece.subarray(0, count));
      filled += count;
      if (count < piece.length) break;
    }
    return filled;
  }

  #hashNew(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end <= this.#hashed) return;
    this.#hash.update(bytes.subarray(this.#hashed - offset));
    this.#hashed = end;
  }

  /**
   * Hashes what lies before `offset`. After a resumed upload's jump ahead: the server has these bytes, the checksum still needs them.
   * Returns whether there are so many.
   */
  async hashUpTo(offset: number): Promise<boolean> {
    if (this.#hashed >= offset) return true;
    const buffer = new Uint8Array(Math.min(hashAheadBytes, offset - this.#hashed));
    while (this.#hashed < offset) {
      const piece = buffer.subarray(0, offset - this.#hashed);
      const count = await this.#read(this.#hashed, piece);
      if (count === 0) return false;
      this.#hashNew(this.#hashed, piece.subarray(0, count));
    }
    return true;
  }

  /** SHA-256 of what was hashed so far. */
  digest(): Buffer {
    return this.#hash.copy().digest();
  }
}

/** The first `count` bytes of `full`, which is released, in a block of that length. */
export function shortened(full: Block, count: number, allocate: (length: number) => Block): Block {
  const block = allocate(count);
  block.bytes.set(full.bytes.subarray(0, count));
  full.release();
  return block;
}

/** What is wrong where a source that ends at `end` should have `offset` bytes, which the server has. */
export function endsTooEarly(end: number, offset: number): string {
  return `The file ends at ${end}, the server has ${offset} bytes`;
}
