// The threads of one client that read and hash beside its main one: each has one file, folder or stream at a time, and the next when that is
// sent. There are as many as the machine has cores, at most; who finds none free does all on the main thread.

import { availableParallelism } from "node:os";
import { messageOf } from "../../base/error.ts";
import type { Memory } from "../../base/memory/memory.ts";
import { openMemory } from "../../base/memory/open-memory.ts";
import type { Source } from "../source.ts";
import { ReadingThread } from "./reading-thread.ts";

export interface ReadingThreadsOptions {
  /** Most of them; as many as there are cores unless given, none where there is one core, which cannot do two things at once. */
  readonly threadsMax?: number;
  /** What is smaller is not worth a thread, in bytes. */
  readonly fileBytesMin?: number;
  /** Whether they hash what the main thread reads; unless given, where there are cores to spare. */
  readonly hashesForMain?: boolean;
  /** Starts one. */
  readonly start?: () => ReadingThread;
}

/** A thread that has nothing to do, and the way to the memory that it is to fill. */
export interface TakenThread {
  readonly thread: ReadingThread;
  readonly memory: Memory;
}

// What is smaller is read and hashed before a thread has begun.
const fileBytesMinDefault = 32 * 1024 * 1024;
// To hash on another core than the one that read costs a sixth more of the processor: where libzmq's thread and the server's want the
// others, as on two cores, that is so much less speed.
const hashCoresMin = 4;
// More read faster than any line takes it, and each has some megabytes of its own.
const threadsMaxMax = 8;

function threadsOf(cores: number): number {
  return cores === 1 ? 0 : Math.min(cores, threadsMaxMax);
}

export class ReadingThreads {
  readonly #max: number;
  readonly #fileBytesMin: number;
  readonly #hashesForMain: boolean;
  readonly #start: () => ReadingThread;
  readonly #free: ReadingThread[] = [];
  #memory: Memory | null = null;
  #count = 0;
  #isUseless = false;
  #isClosed = false;

  constructor({
    threadsMax = threadsOf(availableParallelism()),
    fileBytesMin = fileBytesMinDefault,
    hashesForMain = availableParallelism() >= hashCoresMin,
    start = () => new ReadingThread(),
  }: ReadingThreadsOptions = {}) {
    this.#max = threadsMax;
    this.#fileBytesMin = fileBytesMin;
    this.#hashesForMain = hashesForMain;
    this.#start = start;
  }

  /** Itself, where `source` may be worth a thread and this runtime can have them. Before `take`. */
  async for({ size, growth, elsewhere }: Source): Promise<this | undefined> {
    const isSmall = size !== null && size < this.#fileBytesMin;
    const isOpenedThere = elsewhere !== undefined && size !== null;
    // What is sent while it grows has a hash of its own, which is kept on the disk.
    const isHashedThere = this.#hashesForMain && growth === undefined;
    if (this.#max === 0 || isSmall || !(isOpenedThere || isHashedThere)) return undefined;
    this.#memory ??= await openMemory();
    return this.#memory === null ? undefined : this;
  }

  /** A thread, until `giveBack`; `null` where none is free. `onFailed` is told why none can be started, once. */
  take(onFailed: (reason: string) => void): TakenThread | null {
    const thread = this.#free.pop() ?? this.#another(onFailed);
    return thread === null || this.#memory === null ? null : { thread, memory: this.#memory };
  }

  #another(onFailed: (reason: string) => void): ReadingThread | null {
    if (this.#count >= this.#max || this.#isUseless) return null;
    try {
      const thread = this.#start();
      this.#count += 1;
      return thread;
    } catch (error) {
      this.#isUseless = true;
      onFailed(messageOf(error));
      return null;
    }
  }

  /** Whoever had it asks it nothing more. */
  giveBack(thread: ReadingThread): void {
    // One that hangs in a drive that is away is nobody's until that answers.
    thread.closeFile().then(
      () => this.#keep(thread),
      // One that failed once may do so again: those that work are left, and no other is started.
      () => {
        this.#isUseless = true;
      },
    );
  }

  #keep(thread: ReadingThread): void {
    if (this.#isClosed) thread.end();
    else this.#free.push(thread);
  }

  /** Ends them all, those that are not given back yet when they are. */
  close(): void {
    this.#isClosed = true;
    for (const thread of this.#free.splice(0)) thread.end();
  }
}
