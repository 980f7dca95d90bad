// One storage worker, as the main thread has it: what is said to it, in as few messages as can be, and what it says. A worker that is at fault, or gone,
// ends its uploads with "not-ready": their clients come back, and another worker goes on with them.

import { assert } from "../../base/assert.ts";
import { type DyncError, messageOf } from "../../base/error.ts";
import type { Memory } from "../../base/memory/memory.ts";
import { stagesOfWorker } from "../../base/stages.ts";
import type { Form } from "../../upload/upload.ts";
import { lengthOf, type OwnedChunk, type Sink, type SinkEvents, type StoredNote } from "../storage.ts";
import { Calls, resultOf } from "./calls.ts";
import {
  type Done,
  type FromWorker,
  hear,
  type Order,
  type Request,
  type Result,
  type WorkerOptions,
  workerEnded,
} from "./said.ts";
import type { StartThread, Thread } from "./thread.ts";
import type { DatasetAnswer, DatasetQuestion } from "./worker-dataset.ts";
import { type WorkerLine, WorkerSink } from "./worker-sink.ts";

/** What a worker needs of the storage. */
export interface WorkerParts {
  readonly options: WorkerOptions;
  readonly memory: Memory;
  readonly start: StartThread;
  /** Does what a worker asks for; `ask` is for the dataset that it is about. */
  obey(request: Request, ask: (question: DatasetQuestion) => Promise<DatasetAnswer>): Promise<void>;
  /** Bytes behind those that `note` says are not to be trusted, and could not be cut off. */
  distrust(id: string, note: StoredNote): void;
  /** See `PartialHome.onTimeRefused`. */
  timeRefused(id: string, reason: string): void;
  /** Deletes the bytes of an upload that no worker has. */
  discard(id: string): Promise<void>;
  /** The worker is at fault, or gone; `hasWorked`: it did something before. */
  onEnded(reason: string, hasWorked: boolean): void;
}

// What is shorter goes over as it is: short frames are memory of the runtime's, which may move it.
const copiedBytesMax = 4096;
/** The number of what is about none. */
const noSink = 0;

export class WorkerLink {
  readonly #parts: WorkerParts;
  readonly #thread: Thread;
  readonly #sinks = new Map<number, WorkerSink>();
  /** What can be relied on of sinks that were open when it ended. */
  readonly #remains = new Map<number, StoredNote>();
  readonly #orders = new Calls();
  readonly #ended = Promise.withResolvers<void>();
  /** What it asked for and what is being done. None of them rejects. */
  readonly #obeying = new Set<Promise<Result>>();
  #chunks: number[] = [];
  #last = 0;
  #load = 0;
  #hasWorked = false;
  #state: "working" | "ending" | "ended" = "working";

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#thread = parts.start({
      onMessage: (message) => this.#hear(message),
      onGone: (reason) => this.#gone(reason),
    });
    this.#thread.post({ type: "start", options: parts.options, stages: stagesOfWorker() });
  }

  /** Uploads that it has, or is about to have. */
  get load(): number {
    return this.#load;
  }

  get isWorking(): boolean {
    return this.#state === "working";
  }

  begin(id: string, form: Form, root: string | undefined, events: SinkEvents): Promise<Sink> {
    return this.#open(id, 0, events, (sink) => this.#order(sink, { type: "begin", id, form, root }));
  }

  /** Rejects like `Storage.resume`. */
  async resume(
    id: string,
    form: Form,
    root: string | undefined,
    note: StoredNote,
    events: SinkEvents,
  ): Promise<Sink | null> {
    const gone = Symbol();
    try {
      return await this.#open(id, note.durable, events, async (sink) => {
        const there = await this.#order(sink, { type: "resume", id, form, root, note });
        if (there === null) throw gone;
        return there;
      });
    } catch (error) {
      if (error === gone) return null;
      throw error;
    }
  }

  async #open(
    id: string,
    durable: number,
    events: SinkEvents,
    order: (sink: number) => Promise<Done["begin"]>,
  ): Promise<Sink> {
    const number = ++this.#last;
    this.#load++;
    try {
      const there = await order(number);
      const sink = new WorkerSink(this.#lineOf(id, number), there, Math.min(durable, there.length), events);
      this.#sinks.set(number, sink);
      if (!this.isWorking) sink.ended(workerEnded());
      return sink;
    } catch (error) {
      this.#load--;
      throw error;
    }
  }

  #lineOf(id: string, number: number): WorkerLine {
    return {
      order: <Type extends Order["type"]>(order: Order & { readonly type: Type }) =>
        this.#order<Type>(number, order),
      take: (chunk, owned) => this.#take(number, chunk, owned),
      remains: async () => {
        await this.#ended.promise;
        // What was asked for is still done, perhaps to these very files.
        await Promise.all(this.#obeying);
        return this.#remains.get(number) ?? null;
      },
      discard: () => this.#parts.discard(id),
      leave: () => {
        this.#load--;
        this.#sinks.delete(number);
        this.#remains.delete(number);
      },
    };
  }

  async #order<Type extends Order["type"]>(
    sink: number,
    order: Order & { readonly type: Type },
  ): Promise<Done[Type]> {
    if (!this.isWorking) throw workerEnded();
    this.#sendChunks();
    const done = this.#orders.ask((call) =>
      this.#thread.post({ type: "order", call, sink, order: order as Order }),
    );
    return (await done) as Done[Type];
  }

  #take(sink: number, number: number, chunk: OwnedChunk): void {
    const { offset, isAwaited = false } = chunk;
    const length = lengthOf(chunk);
    if (length <= copiedBytesMax) {
      this.#sendChunks();
      this.#thread.post({ type: "copy", sink, number, offset, data: chunk.data.slice(), isAwaited });
      return;
    }
    // All that come in one turn go in one message.
    if (this.#chunks.length === 0) queueMicrotask(() => this.#sendChunks());
    const address = chunk.far?.address ?? this.#parts.memory.addressOf(chunk.data);
    this.#chunks.push(sink, number, offset, address, length, Number(isAwaited));
  }

  #sendChunks(): void {
    if (this.#chunks.length === 0) return;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#thread.post({ type: "chunks", chunks });
  }

  #hear(message: FromWorker): void {
    try {
      this.#heed(message);
    } catch (error) {
      this.#fault(messageOf(error));
    }
  }

  #heed(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        this.#hasWorked = true;
        return;
      case "progress":
        return this.#progress(message.released, message.stored);
      case "note":
        return this.#sinks.get(message.sink)?.noted(message.note);
      case "failed":
        return this.#sinks.get(message.sink)?.failed(hear(message.error), message.note);
      case "refused":
        return this.#sinks.get(message.sink)?.refused(hear(message.error) as DyncError);
      case "distrusted":
        return this.#parts.distrust(message.id, message.note);
      case "time-refused":
        return this.#parts.timeRefused(message.id, message.reason);
      case "request":
        return void this.#obey(message.call, message.request);
      case "answer":
        return assert(this.#orders.answered(message.call, message.result), "a worker answers once");
      case "dying":
        return this.#fault(message.reason);
      case "ended":
        for (const [sink, note] of message.notes) this.#remains.set(sink, note);
        return this.#end(true);
    }
  }

  #progress(released: readonly number[], stored: readonly number[]): void {
    for (let at = 0; at < released.length; at += 2) {
      const [sink, number] = [released[at] as number, released[at + 1] as number];
      const owner = this.#sinks.get(sink);
      assert(owner !== undefined, "a worker gives back what it was given");
      owner.released(number);
    }
    // Memory first: what a client hears of it brings the next.
    for (let at = 0; at < stored.length; at += 2)
      this.#sinks.get(stored[at] as number)?.stored(stored[at + 1] as number);
  }

  async #obey(call: number, request: Request): Promise<void> {
    const ask = (question: DatasetQuestion) => {
      assert("id" in request, "a dataset has an id");
      return this.#order(noSink, { type: "dataset", id: request.id, question });
    };
    const obeying = resultOf(() => this.#parts.obey(request, ask));
    this.#obeying.add(obeying);
    const result = await obeying;
    this.#obeying.delete(obeying);
    if (this.#state !== "ended") this.#thread.post({ type: "answer", call, result });
  }

  /** It does what it must not do, or says so itself: it is to put away what it has. */
  #fault(reason: string): void {
    if (this.#state !== "working") return;
    this.#state = "ending";
    this.#chunks = [];
    this.#parts.onEnded(reason, this.#hasWorked);
    for (const sink of this.#sinks.values()) sink.ended(workerEnded());
    this.#thread.post({ type: "end" });
  }

  #gone(reason: string): void {
    this.#fault(reason);
    this.#end(false);
  }

  /** `isSafe`: it said itself that it does nothing more. */
  #end(isSafe: boolean): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#thread.terminate();
    for (const sink of this.#sinks.values()) sink.letGo(isSafe);
    this.#orders.close(workerEnded());
    this.#ended.resolve();
  }

  /** Ends it. Its uploads are put away already, or are now. */
  async close(): Promise<void> {
    if (this.#state === "working") {
      this.#sendChunks();
      this.#state = "ending";
      this.#thread.post({ type: "end" });
    }
    await this.#ended.promise;
  }
}
