// The sink of an upload that a worker has, as the server sees it. Chunks stay the main thread's, and so does what frees their memory:
// the worker is told where they lie, and says when it is done with them.

import { assert } from "../../base/assert.ts";
import type { DyncError } from "../../base/error.ts";
import type { Destination } from "../../upload/destination.ts";
import type { Contents } from "../../upload/upload.ts";
import {
  type Description,
  lengthOf,
  type OwnedChunk,
  type Sink,
  type SinkEvents,
  type StoredNote,
} from "../storage.ts";
import type { Done, Order } from "./said.ts";

/** What the sink says to its worker. */
export interface WorkerLine {
  /** Rejects with the worker's error, and "not-ready" when it ended. */
  order<Type extends Order["type"]>(order: Order & { readonly type: Type }): Promise<Done[Type]>;
  /** Has the worker take `chunk`, which is called `number` from now on. */
  take(number: number, chunk: OwnedChunk): void;
  /** Puts away what a worker has that ended: resolves when it touches nothing any more, with what can be relied on, where it said that. */
  remains(): Promise<StoredNote | null>;
  /** Deletes the bytes of an upload whose worker ended. */
  discard(): Promise<void>;
  /** The sink is closed. */
  leave(): void;
}

export class WorkerSink implements Sink {
  readonly #line: WorkerLine;
  readonly #events: SinkEvents;
  /** What the worker has not given back yet, in the order in which it came. */
  readonly #held = new Map<number, OwnedChunk>();
  #last = 0;
  #length: number;
  /** Offset behind all that the worker was given. */
  #given: number;
  #isReady: boolean;
  #durable: number;
  /** Why its worker takes nothing any more. */
  #ended: DyncError | null = null;

  constructor(
    line: WorkerLine,
    { length, isReady }: { readonly length: number; readonly isReady: boolean },
    durable: number,
    events: SinkEvents,
  ) {
    this.#line = line;
    this.#events = events;
    this.#length = this.#given = length;
    this.#isReady = isReady;
    this.#durable = durable;
  }

  get length(): number {
    return this.#length;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  write(chunk: OwnedChunk): void {
    // The worker would drop what comes behind something that was cut off as well, and hold its memory until it says so.
    if (!this.#isReady || chunk.offset !== this.#given) return chunk.release();
    this.#given += lengthOf(chunk);
    const number = ++this.#last;
    this.#held.set(number, chunk);
    this.#line.take(number, chunk);
  }

  async prepare(): Promise<void> {
    await this.#line.order({ type: "prepare" });
    this.#becomeReady();
  }

  async rewind(): Promise<StoredNote> {
    const note = await this.#line.order({ type: "rewind" });
    this.#length = this.#given = this.#durable = note.durable;
    this.#becomeReady();
    return note;
  }

  // A worker that was at fault meanwhile may still have answered: nobody was told of that, since nothing could be written before.
  #becomeReady(): void {
    if (this.#ended !== null) throw this.#ended;
    this.#isReady = true;
  }

  digest(): Promise<string> {
    return this.#line.order({ type: "digest" });
  }

  contents(): Promise<Contents | null> {
    return this.#line.order({ type: "contents" });
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    try {
      await this.#line.order({ type: "publish", destination, description });
    } catch (error) {
      this.#isReady = false;
      throw error;
    }
  }

  async close(): Promise<StoredNote> {
    this.#isReady = false;
    const note = await this.#closed();
    this.#leave();
    return note;
  }

  async #closed(): Promise<StoredNote> {
    try {
      return await this.#line.order({ type: "close" });
    } catch (error) {
      if (this.#ended === null) throw error;
      // What it wrote last is known to nobody.
      return (await this.#line.remains()) ?? { durable: this.#durable, mark: null };
    }
  }

  async discard(): Promise<void> {
    this.#isReady = false;
    try {
      await this.#line.order({ type: "discard" });
    } catch (error) {
      if (this.#ended === null) throw error;
      await this.#line.remains();
      await this.#line.discard();
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    assert(this.#held.size === 0, "a sink that is closed holds no memory");
    this.#line.leave();
  }

  /** The worker does not look at these any more. */
  released(number: number): void {
    const chunk = this.#held.get(number);
    assert(chunk !== undefined, "a worker gives a chunk back once");
    this.#held.delete(number);
    chunk.release();
  }

  /** All before `offset` is stored. */
  stored(offset: number): void {
    assert(offset > this.#length, "what is stored grows");
    const [first] = this.#held.values();
    assert(first === undefined || first.offset >= offset, "a worker gives back what it stored, in order");
    this.#length = offset;
    if (this.#isReady) this.#events.onStored(offset);
  }

  noted(note: StoredNote): void {
    this.#durable = note.durable;
    this.#events.onNote(note);
  }

  failed(error: Error, note: StoredNote): void {
    this.#isReady = false;
    this.#durable = note.durable;
    this.#events.onFailed(error, note);
  }

  refused(error: DyncError): void {
    this.#isReady = false;
    this.#events.onRefused(error);
  }

  /** Its worker does nothing more. Memory stays held until that is sure. */
  ended(error: DyncError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    const wasReady = this.#isReady;
    this.#isReady = false;
    // Until it said what it wrote, nothing of that counts.
    if (wasReady) this.#events.onFailed(error, { durable: this.#durable, mark: null });
  }

  /** Its worker touches nothing any more; or nobody knows that, and the memory that it was told of is nobody's for good. */
  letGo(isSafe: boolean): void {
    for (const [number, chunk] of this.#held) {
      this.#held.delete(number);
      if (isSafe) chunk.release();
    }
  }
}
