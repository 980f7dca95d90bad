// Keeps the one chunk ready that the machine asked for, and drops the answers to questions that another one
// replaced. Stands between `upload.ts` and the chunk reader.

import { assert } from "../base/assert.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Block } from "../transport/transport.ts";
import { type Chunk, ChunkReader } from "./chunk-reader.ts";
import type { Source } from "./source.ts";

export interface ChunkFeedEvents {
  /** The chunk that was asked for is `ready`. */
  onReady(): void;
  onFailed(error: DyncError): void;
}

// Read-ahead hides the disk's latency; more only costs memory.
const readAheadBytes = 4 * 1024 * 1024;

export class ChunkFeed {
  readonly #source: Source;
  readonly #allocate: (length: number) => Block;
  readonly #events: ChunkFeedEvents;
  #reader: ChunkReader | null = null;
  #ready: Chunk | null = null;
  #questions = 0;

  constructor(source: Source, allocate: (length: number) => Block, events: ChunkFeedEvents) {
    this.#source = source;
    this.#allocate = allocate;
    this.#events = events;
  }

  get ready(): Chunk | null {
    return this.#ready;
  }

  /** Asks for the chunk at `offset`; replaces a question that was not answered yet, and what was ready. */
  ask(offset: number, lengthMax: number): void {
    const question = ++this.#questions;
    this.#drop();
    this.#answer(question, offset, lengthMax).catch((error) => {
      if (question !== this.#questions) return;
      const known =
        error instanceof DyncError ? error : new DyncError("source", messageOf(error), { cause: error });
      this.#events.onFailed(known);
    });
  }

  async #answer(question: number, offset: number, lengthMax: number): Promise<void> {
    const chunk = await this.#readerFor(lengthMax).chunkAt(offset);
    if (question !== this.#questions) return chunk.block?.release();
    this.#ready = chunk;
    this.#events.onReady();
  }

  #readerFor(chunkBytes: number): ChunkReader {
    this.#reader ??= new ChunkReader(this.#source, {
      chunkBytes,
      readAheadBytes,
      allocate: this.#allocate,
    });
    this.#reader.resize(chunkBytes);
    return this.#reader;
  }

  /** Hands the chunk that is ready over, with its memory. */
  take(): Chunk {
    const chunk = this.#ready;
    assert(chunk !== null, "a chunk is ready before it is taken");
    this.#ready = null;
    return chunk;
  }

  /** Bytes before `offset` will not be asked for again. */
  forgetBefore(offset: number): void {
    this.#reader?.forgetBefore(offset);
  }

  close(): void {
    this.#questions++;
    this.#drop();
    this.#reader?.close();
  }

  #drop(): void {
    this.#ready?.block?.release();
    this.#ready = null;
  }
}
