// Reads chunks of a source into message memory, hashes every byte exactly once and in order, and gives out again what has
// to be sent again (read anew from a file, from memory for a stream). One read at a time: the hash needs the order.

import { DyncError } from "../base/error.ts";
import type { Block } from "../transport/transport.ts";
import type { Chunk, ChunkReading, Whole } from "./chunk.ts";
import { endsTooEarly, type Hash, HashedReading, HashLost, shortened } from "./hashed-reading.ts";
import { expectEnd, type Source } from "./source.ts";

/** A chunk of a stream that may have to be sent again. */
interface Kept {
  readonly offset: number;
  readonly data: Uint8Array;
}

export class ChunkReader implements ChunkReading {
  readonly #source: Source;
  readonly #allocate: (length: number) => Block;
  readonly #onHashLost: (reason: string) => void;
  #reading: HashedReading;
  #whole: Whole | null = null;
  readonly #kept: Kept[] = [];
  readonly #spare: Uint8Array[] = [];

  /** Hashes by `hash`, or on this thread. `onHashLost`: that failed, and all is hashed here, what was hashed once more. */
  constructor(
    source: Source,
    allocate: (length: number) => Block,
    hash?: Hash,
    onHashLost: (reason: string) => void = () => {},
  ) {
    this.#source = source;
    this.#allocate = allocate;
    this.#onHashLost = onHashLost;
    this.#reading = this.#readingBy(hash);
  }

  #readingBy(hash?: Hash): HashedReading {
    return new HashedReading((offset, into) => this.#source.read(offset, into), hash);
  }

  get whole(): Whole | null {
    return this.#whole;
  }

  /** Bytes that were hashed, from the beginning. */
  get hashed(): number {
    return this.#reading.hashed;
  }

  async chunkAt(offset: number, lengthMax: number): Promise<Chunk> {
    try {
      return await this.#chunkAt(offset, lengthMax);
    } catch (error) {
      if (!(error instanceof HashLost)) throw error;
      this.#reading.close();
      if (!this.#source.canSeek) throw hashLost(error);
      this.#onHashLost(error.message);
      this.#reading = this.#readingBy();
      return await this.#chunkAt(offset, lengthMax);
    }
  }

  async #chunkAt(offset: number, lengthMax: number): Promise<Chunk> {
    const { size, canSeek } = this.#source;
    if (!canSeek && offset < this.hashed) return this.#chunkOfKept(offset, lengthMax);
    await this.#hashUpTo(offset);
    const length = size === null ? lengthMax : Math.min(lengthMax, size - offset);
    if (length <= 0) return await this.#endAt(offset);
    const block = this.#allocate(length);
    const count = await this.#fill(block, offset);
    if (count > 0) return this.#chunkOf(offset, block, count);
    block.release();
    return await this.#endAt(offset);
  }

  forgetBefore(offset: number): void {
    for (let first = this.#kept[0]; first !== undefined; first = this.#kept[0]) {
      if (first.offset + first.data.length > offset) return;
      this.#kept.shift();
      this.#spare.push(new Uint8Array(first.data.buffer));
    }
  }

  // Kept in memory of ours that is used again and again: left to the garbage collector, copies would pile up.
  #keep(offset: number, bytes: Uint8Array): void {
    const spare = this.#spare.pop();
    const memory = spare !== undefined && spare.length >= bytes.length ? spare : new Uint8Array(bytes.length);
    memory.set(bytes);
    this.#kept.push({ offset, data: memory.subarray(0, bytes.length) });
  }

  async #fill(block: Block, offset: number): Promise<number> {
    try {
      return await this.#reading.fill(offset, block.bytes);
    } catch (error) {
      block.release();
      throw error;
    }
  }

  #chunkOf(offset: number, full: Block, count: number): Chunk {
    const block = count === full.length ? full : shortened(full, count, this.#allocate);
    // A stream is read only once, so these bytes are new.
    if (!this.#source.canSeek) this.#keep(offset, block.bytes);
    return { offset, length: count, block, checksum: null };
  }

  #chunkOfKept(offset: number, lengthMax: number): Chunk {
    const kept = this.#kept.find((one) => one.offset <= offset && offset < one.offset + one.data.length);
    if (kept === undefined) {
      throw new DyncError(
        "source",
        `The stream cannot be read again from byte ${offset}: only its end is kept`,
      );
    }
    // It may be from a time when chunks were longer.
    const start = offset - kept.offset;
    const data = kept.data.subarray(start, start + lengthMax);
    const block = this.#allocate(data.length);
    block.bytes.set(data);
    return { offset, length: data.length, block, checksum: null };
  }

  async #hashUpTo(offset: number): Promise<void> {
    if (await this.#reading.hashUpTo(offset)) return;
    throw new DyncError("source-changed", endsTooEarly(this.hashed, offset));
  }

  async #endAt(offset: number): Promise<Chunk> {
    expectEnd(this.#source, offset);
    const checksum = this.#whole?.checksum ?? (await this.#reading.digest());
    await this.#source.verifyUnchanged(checksum);
    this.#whole = { size: offset, checksum };
    return { offset, length: 0, block: null, checksum };
  }

  close(): void {
    this.#reading.close();
  }
}

// Nobody can read again what was hashed.
function hashLost(cause: HashLost): DyncError {
  const text = `The checksum of what was read was lost (${cause.message}), and a stream cannot be read again`;
  return new DyncError("failed", text, { cause, hint: "send it once more, from its beginning" });
}
