// The side of a storage worker: does what the main thread orders, and tells how far it came. Whatever goes wrong in it that is no error of an
// upload ends it, after all that it has is put away: what it wrote is there, and other workers go on with it.

import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/error.ts";
import type { Memory } from "../../base/memory/memory.ts";
import { isPoisoned, poisons } from "../../base/poison.ts";
import type { Sink, SinkEvents, Storage, StoredNote } from "../storage.ts";
import { Calls, resultOf } from "./calls.ts";
import { type FromWorker, type Order, type Request, type ToWorker, tell, workerEnded } from "./said.ts";
import type { DatasetAnswer, DatasetQuestion } from "./worker-dataset.ts";
import type { Elsewhere } from "./worker-storage.ts";

// What is stored is told together, unless somebody waits for it: each message has the main thread run, mostly for it alone, and there come
// hundreds of chunks a second. Not later than this, since memory that is not given back keeps others waiting too.
const tellEveryMs = 10;
const tellEveryBytes = 8 * 1024 * 1024;

/** The storage as a worker has it. */
export interface DeskStorage extends Pick<Storage, "begin" | "resume"> {
  /** Answers who publishes the dataset `id`. */
  answer(id: string, question: DatasetQuestion): Promise<DatasetAnswer>;
}

export interface DeskParts {
  readonly memory: Memory;
  readonly clock: Clock;
  /** Makes the storage, for which `elsewhere` does what the main thread alone can. */
  storage(elsewhere: Elsewhere): DeskStorage;
  post(message: FromWorker): void;
  /** Calls `callback` behind what is to be done in this turn of the loop. */
  afterTurn(callback: () => void): void;
}

type SaidChunk = [
  sink: number,
  number: number,
  offset: number,
  address: number,
  length: number,
  isAwaited: number,
];

/** What a sink is doing. */
interface Running {
  readonly order: Order;
  readonly ended: Promise<unknown>;
}

export class Desk {
  readonly #parts: DeskParts;
  readonly #storage: DeskStorage;
  readonly #sinks = new Map<number, Sink>();
  readonly #running = new Map<number, Running>();
  readonly #requests = new Calls();
  readonly #released: number[] = [];
  /** By sink. */
  readonly #stored = new Map<number, number>();
  readonly #checksMemory = poisons();
  #untoldBytes = 0;
  #isTellingSoon = false;
  #isTellingDue = false;
  #isEnding = false;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    const elsewhere: Elsewhere = {
      publish: async (id, folder, destination, description) =>
        void (await this.#ask({ type: "publish", id, folder, destination, description })),
      discard: async (id, folder) => void (await this.#ask({ type: "discard", id, folder })),
      publishDataset: async (id, folder, destination, description, dataset) =>
        void (await this.#ask({ type: "publish-dataset", id, folder, destination, description, dataset })),
      sync: async (descriptor) => void (await this.#ask({ type: "sync", descriptor })),
      say: (message) => this.#say(message),
    };
    this.#storage = parts.storage(elsewhere);
  }

  /** Takes what the main thread says. Never throws. */
  hear(message: ToWorker): void {
    try {
      this.#do(message);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Something is wrong with this worker itself. */
  fail(error: unknown): void {
    if (this.#isEnding) return;
    this.#say({ type: "dying", reason: messageOf(error) });
    this.#end();
  }

  #do(message: ToWorker): void {
    switch (message.type) {
      case "chunks":
        return this.#takeChunks(message.chunks);
      case "copy":
        return this.#write(message.sink, message.offset, message.data, () =>
          this.#release(message.sink, message.number, message.data.length, message.isAwaited),
        );
      case "order":
        return this.#take(message.call, message.sink, message.order);
      case "answer":
        return assert(this.#requests.answered(message.call, message.result), "an answer follows a request");
      case "end":
        return this.#end();
      case "start":
        return assert(false, "a worker is started once");
    }
  }

  #takeChunks(chunks: readonly number[]): void {
    for (let at = 0; at < chunks.length; at += 6) {
      const [sink, number, offset, address, length, isAwaited] = chunks.slice(at, at + 6) as SaidChunk;
      const view = this.#parts.memory.viewAt(address, length);
      this.#write(sink, offset, view, () => {
        assert(!this.#checksMemory || !isPoisoned(view), "memory is not given back while a worker uses it");
        this.#parts.memory.leave(view);
        this.#release(sink, number, length, isAwaited === 1);
      });
    }
  }

  #release(sink: number, number: number, length: number, isAwaited: boolean): void {
    this.#released.push(sink, number);
    this.#untoldBytes += length;
    // Behind what is done in this turn: that it is stored is said next.
    if (isAwaited) this.#tellSoon();
    else this.#tellLater();
  }

  #write(number: number, offset: number, data: Uint8Array, release: () => void): void {
    const sink = this.#sinks.get(number);
    if (this.#isEnding || sink === undefined) return release();
    sink.write({ offset, data, release });
  }

  #take(call: number, sink: number, order: Order): void {
    const ended = resultOf(async () => {
      if (this.#isEnding) throw workerEnded();
      return await this.#obey(sink, order);
    }).then((result) => {
      // A sink may be closed while it reads again what is stored.
      if (this.#running.get(sink) === running) this.#running.delete(sink);
      this.#say({ type: "answer", call, result });
    });
    const running = { order, ended };
    this.#running.set(sink, running);
  }

  async #obey(number: number, order: Order): Promise<unknown> {
    if (order.type === "begin") {
      const { id, form, root } = order;
      return this.#keep(number, await this.#storage.begin(id, form, this.#eventsOf(number), { root }));
    }
    if (order.type === "resume") {
      const { id, form, root, note } = order;
      const sink = await this.#storage.resume(id, form, note, this.#eventsOf(number), { root });
      return sink === null ? null : this.#keep(number, sink);
    }
    if (order.type === "dataset") return await this.#storage.answer(order.id, order.question);
    const sink = this.#sinks.get(number);
    assert(sink !== undefined, "what is ordered is about a sink that is open");
    switch (order.type) {
      case "prepare":
        return await sink.prepare();
      case "rewind":
        return await sink.rewind();
      case "digest":
        return await sink.digest();
      case "contents":
        return await sink.contents();
      case "publish":
        return await sink.publish(order.destination, order.description);
      case "close":
        return await sink.close().finally(() => this.#sinks.delete(number));
      case "discard":
        return await sink.discard().finally(() => this.#sinks.delete(number));
    }
  }

  #keep(number: number, sink: Sink): { readonly length: number; readonly isReady: boolean } {
    this.#sinks.set(number, sink);
    return { length: sink.length, isReady: sink.isReady };
  }

  #eventsOf(sink: number): SinkEvents {
    return {
      onStored: (offset) => {
        this.#stored.set(sink, offset);
        if (this.#untoldBytes >= tellEveryBytes) this.#tellProgress();
        else this.#tellLater();
      },
      onNote: (note) => this.#say({ type: "note", sink, note }),
      onFailed: (error, note) => this.#say({ type: "failed", sink, error: tell(error), note }),
      onRefused: (error) => this.#say({ type: "refused", sink, error: tell(error) }),
    };
  }

  #tellSoon(): void {
    if (this.#isTellingSoon) return;
    this.#isTellingSoon = true;
    this.#parts.afterTurn(() => {
      this.#isTellingSoon = false;
      this.#tellProgress();
    });
  }

  #tellLater(): void {
    if (this.#isTellingDue) return;
    this.#isTellingDue = true;
    this.#parts.clock.after(tellEveryMs, () => {
      this.#isTellingDue = false;
      this.#tellProgress();
    });
  }

  #tellProgress(): void {
    if (this.#released.length === 0 && this.#stored.size === 0) return;
    const [released, stored] = [this.#released.splice(0), [...this.#stored].flat()];
    this.#stored.clear();
    this.#untoldBytes = 0;
    this.#parts.post({ type: "progress", released, stored });
  }

  /** Behind all that was done before. */
  #say(message: FromWorker): void {
    this.#tellProgress();
    this.#parts.post(message);
  }

  #ask(request: Request): Promise<unknown> {
    return this.#requests.ask((call) => this.#say({ type: "request", call, request }));
  }

  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    void this.#putAway().then((notes) => this.#say({ type: "ended", notes }));
  }

  /** Never rejects. */
  async #putAway(): Promise<(readonly [number, StoredNote])[]> {
    const notes: (readonly [number, StoredNote])[] = [];
    const putAway = async (number: number): Promise<void> => {
      const running = this.#running.get(number);
      // Reading again what is stored takes long, and ends when it is closed.
      if (running !== undefined && running.order.type !== "prepare") await running.ended;
      const sink = this.#sinks.get(number);
      if (sink !== undefined) notes.push([number, await sink.close()]);
    };
    const numbers = new Set([...this.#running.keys(), ...this.#sinks.keys()]);
    // What cannot be put away is not to be relied on: nothing is said of it.
    await Promise.allSettled([...numbers].map(putAway));
    return notes;
  }
}
