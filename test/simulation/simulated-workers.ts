// Storage workers in virtual time: the real links and desks of `src/storage/workers/`, between them threads that are models. What is said takes its time and
// stays in its order; chunks lie in memory that both see, and what is released is gone for both. A worker's own fault ends it.

import type { Memory } from "../../src/base/memory/memory.ts";
import type { PartialUpload } from "../../src/storage/partial.ts";
import { PartialStorage, type PartialStorageOptions } from "../../src/storage/partial-storage.ts";
import type { Description } from "../../src/storage/storage.ts";
import { Desk } from "../../src/storage/workers/desk.ts";
import type { FromWorker, ToWorker } from "../../src/storage/workers/said.ts";
import { StorageWorkers } from "../../src/storage/workers/storage-workers.ts";
import type { Thread, ThreadEvents } from "../../src/storage/workers/thread.ts";
import type { Elsewhere } from "../../src/storage/workers/worker-storage.ts";
import type { Destination } from "../../src/upload/destination.ts";
import type { Form } from "../../src/upload/upload.ts";
import { MemoryStorage } from "../support/memory/storage.ts";
import { silentLogger } from "../support/silent-logger.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { check, type Trace } from "./simulation-failure.ts";

export interface SimulatedWorkersOptions {
  readonly threads: number;
  /** Uploads of at most so many bytes stay with the main thread. */
  readonly smallBytes: number;
  readonly trace: Trace;
  /** How long a message takes from one thread to the other. */
  readonly delayMs: () => number;
  /** Whether a worker is at fault, at a message that it gets. */
  readonly isAtFault: () => boolean;
}

/** A memory storage, some uploads of which workers have. */
export class WorkedStorage extends MemoryStorage {
  protected override workers: StorageWorkers | null = null;
  /** Words of failures that are under way from a worker to the main thread. */
  #failures = { underWay: 0 };

  /** That a sync failed, and that the process dies before it heard of it, is one fault too many: see README.md. */
  get isFailureUnheard(): boolean {
    return this.#failures.underWay > 0;
  }

  /** From now on `process` uses it, with workers of its own. */
  mountWithWorkers(
    process: SimulatedProcess,
    options: PartialStorageOptions,
    workers: SimulatedWorkersOptions,
  ): void {
    this.mount(options);
    const failures = { underWay: 0 };
    this.#failures = failures;
    const memory = new SharedMemory();
    this.workers = new StorageWorkers({
      options: {
        ...{ folder: "", look: null, isShared: false, publishedMode: 0, saveEveryBytes: undefined },
        ...{ membersMax: 1, syncsAll: false, ...options },
      },
      ...{ memory, log: silentLogger, threads: workers.threads, smallBytes: workers.smallBytes },
      start: (events) => new ModelThread({ process, medium: this, memory, events, failures, ...workers }),
      obey: async (request) => {
        check(request.type === "publish" || request.type === "discard", () => `asked for ${request.type}`);
        if (request.type === "discard") await this.discard(request.id);
        else await this.publish(request.id, request.destination, request.description);
      },
      distrust: (id, note) => this.distrust(id, note),
      timeRefused: () => {},
      discard: (id) => this.discard(id),
    });
  }

  override async close(): Promise<void> {
    await this.workers?.close();
  }
}

/** Memory that two threads of a simulation see: an address is a number for what it leads to. */
class SharedMemory implements Memory {
  readonly #told = new Map<number, Uint8Array>();
  #last = 0;

  addressOf(bytes: Uint8Array): number {
    this.#told.set(++this.#last, bytes);
    return this.#last;
  }

  viewAt(address: number, length: number): Uint8Array {
    const bytes = this.#told.get(address);
    this.#told.delete(address);
    // What is released is overwritten, and has no length any more.
    check(bytes?.length === length, () => "a worker looks at memory that was given back");
    return bytes as Uint8Array;
  }

  leave(): void {}
}

interface ModelThreadParts extends SimulatedWorkersOptions {
  readonly process: SimulatedProcess;
  readonly medium: MemoryStorage;
  readonly memory: Memory;
  readonly events: ThreadEvents;
  readonly failures: { underWay: number };
}

/** A thread that has a desk; it ends, and is frozen, with its process. */
class ModelThread implements Thread {
  readonly #parts: ModelThreadParts;
  #desk: Desk | null = null;
  #isGone = false;
  /** When what was said last arrives, by direction. */
  readonly #arrives = { there: 0, back: 0 };

  constructor(parts: ModelThreadParts) {
    this.#parts = parts;
  }

  post(message: ToWorker): void {
    this.#say("there", message, (heard) => this.#hear(heard));
  }

  terminate(): void {
    this.#isGone = true;
  }

  #say<Message extends ToWorker | FromWorker>(
    way: "there" | "back",
    message: Message,
    hear: (message: Message) => void,
  ): void {
    const { process, failures, delayMs } = this.#parts;
    const now = process.clock.now();
    this.#arrives[way] = Math.max(this.#arrives[way], now + delayMs());
    // As between threads: each side has its own.
    const copy = structuredClone(message);
    const failed = message.type === "failed" ? 1 : 0;
    failures.underWay += failed;
    process.clock.after(this.#arrives[way] - now, () => {
      failures.underWay -= failed;
      if (!this.#isGone) hear(copy);
    });
  }

  #hear(message: ToWorker): void {
    const { process, medium, memory, events, isAtFault, trace } = this.#parts;
    if (message.type === "start") {
      const { syncEveryBytes, bootId } = message.options;
      const post = (said: FromWorker): void => this.#say("back", said, (heard) => events.onMessage(heard));
      this.#desk = new Desk({
        memory,
        clock: process.clock,
        storage: (elsewhere) => new ModelWorkerStorage(medium, { syncEveryBytes, bootId }, elsewhere),
        post,
        afterTurn: (callback) => void process.clock.after(0, callback),
      });
      return post({ type: "ready" });
    }
    check(this.#desk !== null, () => "a worker is started before all else");
    if (isAtFault()) {
      trace(() => `a worker is at fault at ${message.type}`);
      // What is said to it still arrives.
      this.#desk.fail(new Error("A fault of the simulation"));
    }
    this.#desk.hear(message);
  }
}

/** What a worker has of the storage: bytes, and no names. */
class ModelWorkerStorage extends PartialStorage {
  readonly #medium: MemoryStorage;
  readonly #elsewhere: Elsewhere;

  constructor(medium: MemoryStorage, options: PartialStorageOptions, elsewhere: Elsewhere) {
    super(options);
    this.#medium = medium;
    this.#elsewhere = elsewhere;
  }

  async create(id: string, _form: Form): Promise<PartialUpload> {
    return new WorkersPartial(id, await this.#medium.create(id), this.#elsewhere);
  }

  async open(id: string): Promise<PartialUpload | null> {
    const partial = await this.#medium.open(id);
    return partial === null ? null : new WorkersPartial(id, partial, this.#elsewhere);
  }

  protected override distrust(id: string, note: Parameters<PartialStorage["distrust"]>[1]): void {
    this.#elsewhere.say({ type: "distrusted", id, note });
  }

  async answer(): Promise<never> {
    throw new Error("Nobody publishes datasets here");
  }

  async isPublished(): Promise<never> {
    throw new Error("What is published is known to the main thread");
  }

  protected async endPublishing(): Promise<never> {
    throw new Error("What is published is known to the main thread");
  }
}

/** A partial that a worker has: the main thread publishes and deletes it. */
class WorkersPartial implements PartialUpload {
  readonly #id: string;
  readonly #partial: PartialUpload;
  readonly #elsewhere: Elsewhere;

  constructor(id: string, partial: PartialUpload, elsewhere: Elsewhere) {
    this.#id = id;
    this.#partial = partial;
    this.#elsewhere = elsewhere;
  }

  get length(): number {
    return this.#partial.length;
  }

  get synced(): number {
    return this.#partial.synced;
  }

  append(data: Uint8Array): Promise<void> {
    return this.#partial.append(data);
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#partial.read(offset, into);
  }

  sync(): Promise<void> {
    return this.#partial.sync();
  }

  truncate(length: number): Promise<void> {
    return this.#partial.truncate(length);
  }

  async contents(): Promise<null> {
    return null;
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    await this.#partial.sync();
    await this.#elsewhere.publish(this.#id, "", destination, description);
    await this.#partial.close();
  }

  close(): Promise<void> {
    return this.#partial.close();
  }

  async discard(): Promise<void> {
    await this.#partial.close();
    await this.#elsewhere.discard(this.#id, "");
  }
}
