// Turns a source into chunks in message memory: reads ahead, hashes every byte exactly once and in order, and
// gives out again what has to be sent again (read anew from a file, from memory for a stream).

import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { DyncError } from "../base/error.ts";
import type { Block } from "../transport/transport.ts";
import { hintOfWrongSize, type Source } from "./source.ts";

export interface Chunk {
  readonly offset: number;
  /** Bytes of the chunk; 0 at the end of the source. */
  readonly length: number;
  /** Memory with the bytes, owned by whoever got the chunk; `null` at the end. */
  readonly block: Block | null;
  /** SHA-256 of the whole source, at its end. */
  readonly checksum: Uint8Array | null;
}

export interface ChunkReaderOptions {
  readonly chunkBytes: number;
  /** Bytes that are read before they are asked for. */
  readonly readAheadBytes: number;
  readonly allocate: (length: number) => Block;
}

/** A chunk of a stream that may have to be sent again. */
interface Kept {
  readonly offset: number;
  readonly data: Uint8Array;
}

const hashAheadBytes = 1024 * 1024;
// A server may want tiny chunks; then their number bounds what is read ahead.
const readAheadChunksMax = 64;
// Read and hashed in pieces of this size, so that the hash finds them in the processor's own cache.
const pieceBytes = 256 * 1024;

export class ChunkReader {
  readonly #source: Source;
  readonly #options: ChunkReaderOptions;
  #chunkBytes: number;
  readonly #hash = createHash("sha256");
  #hashed = 0;
  #checksum: Uint8Array | null = null;
  #ahead: Promise<Chunk>[] = [];
  #next = 0;
  #last: Promise<unknown> = Promise.resolve();
  #kept: Kept[] = [];
  #spare: Uint8Array[] = [];
  #generation = 0;

  constructor(source: Source, options: ChunkReaderOptions) {
    this.#source = source;
    this.#options = options;
    this.#chunkBytes = options.chunkBytes;
  }

  /** Bytes that were hashed, from the beginning. */
  get hashed(): number {
    return this.#hashed;
  }

  /**
   * The chunk at `offset`, which the caller then owns. An offset other than the one after the last chunk is a
   * rewind, or a jump ahead to what the server has already; what was read ahead is dropped then.
   * Throws `DyncError` ("source", "source-changed").
   */
  async chunkAt(offset: number): Promise<Chunk> {
    const first = this.#ahead[0];
    if (first === undefined || offset !== this.#next) this.#restart(offset);
    this.#fillAhead();
    const chunk = this.#ahead.shift();
    assert(chunk !== undefined, "at least one chunk is being read");
    this.#next = offset;
    const generation = this.#generation;
    const got = await chunk;
    // After a restart, closing among them, somebody else reads on, or nobody.
    if (generation === this.#generation && this.#next === offset) {
      this.#next = offset + got.length;
      if (got.length > 0) this.#fillAhead();
    }
    return got;
  }

  /** Chunks have at most `chunkBytes` from now on. */
  resize(chunkBytes: number): void {
    if (chunkBytes === this.#chunkBytes) return;
    this.#chunkBytes = chunkBytes;
    this.#restart(this.#next);
  }

  /** Bytes before `offset` will not be asked for again. */
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

  close(): void {
    this.#restart(0);
  }

  #readPosition = 0;

  #restart(offset: number): void {
    this.#generation++;
    for (const chunk of this.#ahead.splice(0)) {
      chunk.then(
        ({ block }) => block?.release(),
        () => {},
      );
    }
    this.#readPosition = offset;
    this.#next = offset;
  }

  #fillAhead(): void {
    const chunks = Math.ceil(this.#options.readAheadBytes / this.#chunkBytes);
    while (this.#ahead.length < Math.min(readAheadChunksMax, Math.max(2, chunks))) {
      const generation = this.#generation;
      // One after the other: the hash needs the order, and the length of one chunk is the offset of the next.
      const chunk = this.#last.then(() => this.#readNext(generation));
      this.#last = chunk.catch(() => {});
      this.#ahead.push(chunk);
    }
  }

  async #readNext(generation: number): Promise<Chunk> {
    const offset = this.#readPosition;
    const end: Chunk = { offset, length: 0, block: null, checksum: this.#checksum };
    if (generation !== this.#generation) return end;
    if (!this.#source.canSeek && offset < this.#hashed) return this.#readKept(offset);
    while (this.#hashed < offset) await this.#hashUpTo(offset);
    const { size } = this.#source;
    const length = size === null ? this.#chunkBytes : Math.min(this.#chunkBytes, size - offset);
    if (length <= 0) return await this.#finish(end);
    const block = this.#options.allocate(length);
    const count = await this.#fill(block, offset);
    if (count > 0) return this.#take(generation, offset, block, count);
    block.release();
    return await this.#finish(end);
  }

  /** Reads what belongs into `block`, and hashes what of it is new. Returns the bytes read: fewer at the end. */
  async #fill(block: Block, offset: number): Promise<number> {
    let filled = 0;
    try {
      while (filled < block.bytes.length) {
        const piece = block.bytes.subarray(filled, filled + pieceBytes);
        const count = await this.#source.read(offset + filled, piece);
        this.#hashNew(offset + filled, piece.subarray(0, count));
        filled += count;
        if (count < piece.length) break;
      }
    } catch (error) {
      block.release();
      throw error;
    }
    return filled;
  }

  #hashNew(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end <= this.#hashed) return;
    this.#hash.update(bytes.subarray(this.#hashed - offset));
    this.#hashed = end;
  }

  #take(generation: number, offset: number, full: Block, count: number): Chunk {
    const block = count === full.bytes.length ? full : this.#shrink(full, count);
    // A stream is read only once, so these bytes are new.
    if (!this.#source.canSeek) this.#keep(offset, block.bytes);
    if (generation === this.#generation) this.#readPosition = offset + count;
    return { offset, length: count, block, checksum: null };
  }

  #shrink(full: Block, count: number): Block {
    const block = this.#options.allocate(count);
    block.bytes.set(full.bytes.subarray(0, count));
    full.release();
    return block;
  }

  #readKept(offset: number): Chunk {
    const kept = this.#kept.find((one) => one.offset <= offset && offset < one.offset + one.data.length);
    if (kept === undefined) {
      throw new DyncError(
        "source",
        `The stream cannot be read again from byte ${offset}: only its end is kept`,
      );
    }
    // It may be from a time when chunks were longer.
    const start = offset - kept.offset;
    const data = kept.data.subarray(start, start + this.#chunkBytes);
    const block = this.#options.allocate(data.length);
    block.bytes.set(data);
    this.#readPosition = offset + data.length;
    return { offset, length: data.length, block, checksum: null };
  }

  // After a resumed upload's jump ahead: the server has these bytes, the checksum still needs them.
  async #hashUpTo(offset: number): Promise<void> {
    const buffer = new Uint8Array(Math.min(hashAheadBytes, offset - this.#hashed));
    const count = await this.#source.read(this.#hashed, buffer);
    if (count === 0)
      throw new DyncError(
        "source-changed",
        `The file ends at ${this.#hashed}, the server has ${offset} bytes`,
      );
    this.#hash.update(buffer.subarray(0, count));
    this.#hashed += count;
  }

  async #finish(end: Chunk): Promise<Chunk> {
    const { size } = this.#source;
    if (size !== null && end.offset !== size) {
      const text = `The file ended at ${end.offset} bytes, it had ${size}`;
      throw new DyncError("source-changed", text, { hint: hintOfWrongSize });
    }
    this.#checksum ??= this.#hash.digest();
    await this.#source.verifyUnchanged(this.#checksum);
    return { ...end, checksum: this.#checksum };
  }
}
