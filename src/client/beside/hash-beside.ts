// SHA-256 on another thread, of bytes that the main one read: while it reads a piece, the thread hashes the one before. The bytes stay
// where they are, and the main thread's: the thread is told their address.

import { messageOf } from "../../base/error.ts";
import type { Memory } from "../../base/memory/memory.ts";
import { type Hash, HashHere, HashLost } from "../hashed-reading.ts";
import type { ReadingThread } from "./reading-thread.ts";
import type { ReadingThreads } from "./reading-threads.ts";

export class HashBeside implements Hash {
  readonly #threads: ReadingThreads;
  readonly #memory: Memory;
  #thread: ReadingThread | null;
  /** What the thread was told last: it does one thing after the other. */
  #last: Promise<void> | null = null;
  /** What it is told to hash, held until it has. */
  #held: Uint8Array[] = [];

  /** Takes a thread; `null` where there is none. `onFailed` as that of `ReadingThreads.take`. */
  static begin(threads: ReadingThreads, onFailed: (reason: string) => void): HashBeside | null {
    const taken = threads.take(onFailed);
    if (taken === null) return null;
    const hash = new HashBeside(threads, taken.thread, taken.memory);
    hash.#tell(taken.thread.beginHash());
    return hash;
  }

  private constructor(threads: ReadingThreads, thread: ReadingThread, memory: Memory) {
    this.#threads = threads;
    this.#thread = thread;
    this.#memory = memory;
  }

  update(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#held.push(bytes);
    this.#tell(this.#now.hash(this.#memory.addressOf(bytes), bytes.length));
  }

  async settled(): Promise<void> {
    const last = this.#last;
    this.#last = null;
    try {
      await last;
    } catch (error) {
      throw new HashLost(messageOf(error));
    } finally {
      // A thread that failed touches no memory any more.
      this.#held = [];
    }
  }

  async digest(): Promise<Buffer> {
    try {
      return await this.#now.digest();
    } catch (error) {
      throw new HashLost(messageOf(error));
    }
  }

  close(): void {
    if (this.#thread !== null) this.#threads.giveBack(this.#thread);
    this.#thread = null;
  }

  get #now(): ReadingThread {
    if (this.#thread === null) throw new HashLost("it was let go");
    return this.#thread;
  }

  // Where one thing fails all that comes behind does as well: the last one tells.
  #tell(done: Promise<void>): void {
    done.catch(() => {});
    this.#last = done;
  }
}

// So much is hashed before a thread has begun.
const worthBytes = 4 * 1024 * 1024;

/** Of a stream, of which nobody knows how long it is: by a thread where so much comes that it is worth one, and else at the end. */
export class HashOfStream implements Hash {
  readonly #begin: () => Hash;
  #hash: Hash | null = null;
  /** What came before that. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /** `begin` gives a hash that is worth beginning. */
  constructor(begin: () => Hash) {
    this.#begin = begin;
  }

  update(bytes: Uint8Array): void {
    if (this.#hash !== null) return this.#hash.update(bytes);
    this.#waiting.push(bytes.slice());
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= worthBytes) this.#goOnBy(this.#begin());
  }

  #goOnBy(hash: Hash): Hash {
    for (const bytes of this.#waiting) hash.update(bytes);
    this.#waiting = [];
    this.#hash = hash;
    return hash;
  }

  settled(): Promise<void> | null {
    return this.#hash?.settled() ?? null;
  }

  digest(): Buffer | Promise<Buffer> {
    return (this.#hash ?? this.#goOnBy(new HashHere())).digest();
  }

  close(): void {
    this.#hash?.close();
  }
}
