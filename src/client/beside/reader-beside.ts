// Reads chunks of a file on another thread, which hashes them as well: into message memory that stays the main thread's, one chunk ahead of
// what is asked for, so that the thread never waits. Where that thread cannot do it, or fails, all goes on here: what was hashed there is
// then hashed once more.

import { assert } from "../../base/assert.ts";
import { DyncError } from "../../base/error.ts";
import type { Memory } from "../../base/memory/memory.ts";
import type { Block } from "../../transport/transport.ts";
import type { Chunk, ChunkReading, Whole } from "../chunk.ts";
import { ChunkReader } from "../chunk-reader.ts";
import { endsTooEarly, shortened } from "../hashed-reading.ts";
import { expectEnd, type Source } from "../source.ts";
import { type ReadingThread, ThreadFailed } from "./reading-thread.ts";
import type { ReadingThreads, TakenThread } from "./reading-threads.ts";
import type { Answer } from "./said.ts";

export interface BesideParts {
  readonly source: Source;
  readonly allocate: (length: number) => Block;
  readonly threads: ReadingThreads;
  /** Tells the user that the thread failed. */
  readonly onNote: (text: string) => void;
}

/** A chunk that the thread was told to read. Its memory is the thread's until it answers. */
interface Ordered {
  readonly offset: number;
  readonly block: Block;
  readonly answer: Promise<Answer | ThreadFailed>;
}

export class ReaderBeside implements ChunkReading {
  readonly #parts: BesideParts;
  readonly #memory: Memory;
  #thread: ReadingThread | null;
  /** Reads here, once the thread does not. */
  #here: ChunkReader | null = null;
  /** What the thread was told to read and nobody asked for yet. */
  #ahead: Ordered | null = null;
  #isOpen = false;
  #whole: Whole | null = null;

  /** Takes a thread. `null` where there is none. */
  static begin(parts: BesideParts): ReaderBeside | null {
    const taken = parts.threads.take((reason) => tell(parts, reason));
    return taken === null ? null : new ReaderBeside(parts, taken);
  }

  private constructor(parts: BesideParts, { thread, memory }: TakenThread) {
    this.#parts = parts;
    this.#thread = thread;
    this.#memory = memory;
  }

  get whole(): Whole | null {
    return this.#here?.whole ?? this.#whole;
  }

  async chunkAt(offset: number, lengthMax: number): Promise<Chunk> {
    try {
      if (this.#here === null && (await this.#open())) return await this.#chunkBeside(offset, lengthMax);
    } catch (error) {
      if (!(error instanceof ThreadFailed)) throw error;
      tell(this.#parts, error.message);
      this.#letGo();
    }
    const { source, allocate } = this.#parts;
    this.#here ??= new ChunkReader(source, allocate);
    return await this.#here.chunkAt(offset, lengthMax);
  }

  /** Whether the thread has the file. */
  async #open(): Promise<boolean> {
    if (this.#isOpen) return true;
    const place = this.#parts.source.elsewhere?.() ?? null;
    if (place !== null && (await this.#threadNow.open(place))) {
      this.#isOpen = true;
      return true;
    }
    this.#letGo();
    return false;
  }

  get #threadNow(): ReadingThread {
    if (this.#thread === null) throw new ThreadFailed("it was let go");
    return this.#thread;
  }

  async #chunkBeside(offset: number, lengthMax: number): Promise<Chunk> {
    const length = this.#lengthAt(offset, lengthMax);
    const ordered = this.#take(offset, length) ?? this.#order(offset, length);
    if (ordered === null) return await this.#endAt(offset);
    const next = offset + length;
    this.#ahead = this.#order(next, this.#lengthAt(next, lengthMax));
    const answer = await ordered.answer;
    if (answer instanceof Error || answer.type !== "read") {
      ordered.block.release();
      throw answer instanceof Error ? answer : this.#failureOf(answer, offset);
    }
    if (answer.count === length) return { offset, length, block: ordered.block, checksum: null };
    return await this.#shorter(ordered, answer.count);
  }

  /** Bytes of a chunk at `offset`. */
  #lengthAt(offset: number, lengthMax: number): number {
    const { size } = this.#parts.source;
    return size === null ? lengthMax : Math.max(0, Math.min(lengthMax, size - offset));
  }

  /** What was read ahead, where that is what is wanted. */
  #take(offset: number, length: number): Ordered | null {
    const ahead = this.#ahead;
    if (ahead?.offset === offset && ahead.block.length === length) {
      this.#ahead = null;
      return ahead;
    }
    this.abandon();
    return null;
  }

  /** Has the thread read a chunk; `null` for none. */
  #order(offset: number, length: number): Ordered | null {
    if (length === 0) return null;
    const block = this.#parts.allocate(length);
    const address = block.address ?? this.#memory.addressOf(block.bytes);
    const answer = this.#threadNow.read(offset, address, length).catch((error: unknown) => {
      assert(error instanceof ThreadFailed, "a thread answers, or fails");
      return error;
    });
    return { offset, block, answer };
  }

  /** The file is shorter than the system told. */
  async #shorter({ offset, block }: Ordered, count: number): Promise<Chunk> {
    this.abandon();
    if (count === 0) {
      block.release();
      return await this.#endAt(offset);
    }
    const shorter = shortened(block, count, this.#parts.allocate);
    return { offset, length: count, block: shorter, checksum: null };
  }

  #failureOf(answer: Answer, offset: number): Error {
    if (answer.type === "too-short") return new DyncError("source-changed", endsTooEarly(answer.end, offset));
    if (answer.type === "given-up") return new DyncError("cancelled", "Nobody wants this chunk any more");
    assert(answer.type === "unreadable", "a read ends as a read does");
    const error = Object.assign(new Error(answer.message), { code: answer.code });
    return this.#parts.source.unreadable?.(error) ?? new DyncError("source", answer.message);
  }

  async #endAt(offset: number): Promise<Chunk> {
    const { source } = this.#parts;
    expectEnd(source, offset);
    const checksum = this.#whole?.checksum ?? (await this.#threadNow.digest());
    await source.verifyUnchanged(checksum);
    this.#whole = { size: offset, checksum };
    return { offset, length: 0, block: null, checksum };
  }

  /** Only files that can be read again are read here. */
  forgetBefore(): void {}

  abandon(): void {
    const ahead = this.#ahead;
    this.#ahead = null;
    // Also of what is being asked for: it answers, and whoever asked is told.
    this.#thread?.giveUp();
    if (ahead !== null) void ahead.answer.then(() => ahead.block.release());
  }

  close(): void {
    this.abandon();
    this.#letGo();
  }

  #letGo(): void {
    this.abandon();
    if (this.#thread !== null) this.#parts.threads.giveBack(this.#thread);
    this.#thread = null;
  }
}

/** Tells the user that a thread failed. */
export function tell({ onNote }: Pick<BesideParts, "onNote">, reason: string): void {
  onNote(`The thread that reads files failed (${reason}): they are read without it, which is slower`);
}
