// Reads a source into memory and hashes every byte of it exactly once, in order, also where some of it is read a second time.

import { createHash } from "node:crypto";
import type { Block } from "../transport/transport.ts";
import { pieceBytes } from "./chunk.ts";

/** Fills `into` from `offset` as far as there are bytes; returns how many, 0 only at the end. */
export type Read = (offset: number, into: Uint8Array) => number | Promise<number>;

/** What a hash took is lost, and no digest of it will be had. The message says why. */
export class HashLost extends Error {}

/** SHA-256 of bytes in their order, here or elsewhere. */
export interface Hash {
  /** Takes `bytes`, which stay as they are until `settled`. Throws `HashLost`. */
  update(bytes: Uint8Array): void;
  /** When nothing of what it took is looked at any more; `null`: it is not. Also where it rejects, with `HashLost`. */
  settled(): Promise<void> | null;
  /** Of all that it took. More may follow. Rejects with `HashLost`. */
  digest(): Buffer | Promise<Buffer>;
  /** It is asked nothing more. */
  close(): void;
}

/** On this thread, at once. */
export class HashHere implements Hash {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  settled(): null {
    return null;
  }

  digest(): Buffer {
    return this.#hash.copy().digest();
  }

  close(): void {}
}

const hashAheadBytes = 1024 * 1024;

export class HashedReading {
  readonly #read: Read;
  readonly #hash: Hash;
  #hashed = 0;

  constructor(read: Read, hash: Hash = new HashHere()) {
    this.#read = read;
    this.#hash = hash;
  }

  /** Bytes that were hashed, from the beginning. */
  get hashed(): number {
    return this.#hashed;
  }

  /**
   * Fills `into` from `offset`, where what lies before is hashed, and hashes what of it is new. Returns the bytes read: fewer at the end.
   * Rejects with what reading throws, or the hash.
   */
  async fill(offset: number, into: Uint8Array): Promise<number> {
    let filled = 0;
    try {
      while (filled < into.length) {
        const piece = into.subarray(filled, filled + pieceBytes);
        const count = await this.#read(offset + filled, piece);
        this.#hashNew(offset + filled, piece.subarray(0, count));
        filled += count;
        if (count < piece.length) break;
      }
    } finally {
      await this.#hash.settled();
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
    // One is read into while the other is hashed.
    const bytes = Math.min(hashAheadBytes, offset - this.#hashed);
    const buffers = [new Uint8Array(bytes), new Uint8Array(bytes)] as const;
    try {
      for (let turn = 0; this.#hashed < offset; turn ^= 1) {
        const piece = (turn === 0 ? buffers[0] : buffers[1]).subarray(0, offset - this.#hashed);
        const count = await this.#read(this.#hashed, piece);
        if (count === 0) return false;
        await this.#hash.settled();
        this.#hashNew(this.#hashed, piece.subarray(0, count));
      }
    } finally {
      await this.#hash.settled();
    }
    return true;
  }

  /** SHA-256 of what was hashed so far. */
  async digest(): Promise<Buffer> {
    return await this.#hash.digest();
  }

  /** Nothing more is read. */
  close(): void {
    this.#hash.close();
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
