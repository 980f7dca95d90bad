// An object store that several simulated servers share, as an S3 storage uses one: an unfinished upload is a set of parts that nobody sees, the
// record of the upload says which of them count, and the object is there when they are put together. What was asked of it happens, also
// when whoever asked is frozen or dead by then.

import { createHash } from "node:crypto";
import { DyncError } from "../../src/base/error.ts";
import {
  type Description,
  NameTaken,
  type Obstacle,
  type OwnedChunk,
  type Published,
  type Remainder,
  type Sink,
  type SinkEvents,
  type Storage,
  type StoredNote,
} from "../../src/storage/storage.ts";
import { type Destination, destinationOf, pathOf } from "../../src/upload/destination.ts";
import { parseSidecar } from "../../src/upload/sidecar.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { check, type Trace } from "./simulation-failure.ts";

interface StoredObject {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly description: Description;
}

/** What a record says of its upload, as a text. */
interface Mark {
  /** Numbers of its parts, in their order. */
  readonly parts: readonly number[];
  /** The first number that nobody uses. */
  readonly next: number;
  readonly bytes: number;
}

// So many numbers are written down as one's own before they are used.
const ahead = 4;
const emptyMark: Mark = { parts: [], next: 1, bytes: 0 };

export interface SharedStoreOptions {
  readonly trace: Trace;
  readonly delayMs: () => number;
  /** Calls back later, whatever becomes of processes. */
  readonly after: (delayMs: number, callback: () => void) => void;
}

export class SharedStore {
  readonly #options: SharedStoreOptions;
  /** Parts of unfinished uploads, by the upload's id and their numbers. */
  readonly #parts = new Map<string, Map<number, Uint8Array>>();
  readonly objects = new Map<string, StoredObject>();
  /** How often an object was made that was not there. */
  made = 0;

  constructor(options: SharedStoreOptions) {
    this.#options = options;
  }

  get unfinished(): readonly string[] {
    return [...this.#parts.keys()];
  }

  /** Has `act` done in the store, once the question came there; resolves in `process`, when the answer is back. */
  async ask<Result>(process: SimulatedProcess, act: () => Result): Promise<Result> {
    const { delayMs, after } = this.#options;
    const result = await new Promise<{ readonly value: Result } | { readonly error: unknown }>((resolve) => {
      const there = delayMs();
      after(there, () => {
        let answer: { readonly value: Result } | { readonly error: unknown };
        try {
          answer = { value: act() };
        } catch (error) {
          answer = { error };
        }
        after(delayMs(), () => process.run(() => resolve(answer)));
      });
    });
    if ("error" in result) throw result.error;
    return result.value;
  }

  partsOf(id: string): ReadonlyMap<number, Uint8Array> {
    return this.#parts.get(id) ?? new Map();
  }

  /** A part that comes after its upload ended is nobody's. */
  putPart(id: string, number: number, bytes: Uint8Array): void {
    const parts = this.#parts.get(id) ?? new Map<number, Uint8Array>();
    check(!parts.has(number), () => `part ${number} of ${id} is stored twice`);
    this.#parts.set(id, parts.set(number, bytes));
  }

  /** Makes the object of these parts, where it is not there. */
  complete(id: string, numbers: readonly number[], destination: Destination, description: Description): void {
    const path = pathOf(destination);
    const there = this.objects.get(path);
    if (there?.id === id) return;
    if (there !== undefined) throw new NameTaken("It is there", obstacleOf(destination, there));
    const parts = this.partsOf(id);
    const all = numbers.map((number) => parts.get(number));
    if (all.includes(undefined)) throw new DyncError("not-ready", "There is no such multipart upload");
    const bytes = Buffer.concat(all as Uint8Array[]);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    check(sha256 === description.sha256, () => `${path} is published with other bytes than were promised`);
    this.#options.trace(() => `object ${path} is made of ${id}`);
    this.made++;
    this.objects.set(path, { id, bytes, description });
    this.#parts.delete(id);
  }

  abort(id: string): void {
    this.#parts.delete(id);
  }

  /** As one server's process uses it. */
  storageFor(process: SimulatedProcess): Storage {
    const ask = <Result>(act: () => Result): Promise<Result> => this.ask(process, act);
    const sinkOf = (id: string, mark: Mark, events: SinkEvents): Sink =>
      new StoreSink(this, process, id, mark, events);
    const resume = async (id: string, note: StoredNote, events: SinkEvents): Promise<Sink | null> => {
      const mark = markOf(note);
      const isThere = await ask(() => mark.parts.every((number) => this.partsOf(id).has(number)));
      return isThere ? sinkOf(id, mark, events) : null;
    };
    return {
      properties: { partBytes: 0, keepsAfterCrash: false },
      emptyNote: { durable: 0, mark: null },
      begin: async (id, _form, events) => sinkOf(id, emptyMark, events),
      resume: (id, _form, note, events) => resume(id, note, events),
      recover: async (id, note, destination, sha256): Promise<Remainder> => {
        if (await ask(() => this.objects.get(pathOf(destination))?.id === id)) return { type: "published" };
        const sink = await resume(id, note, noEvents);
        if (sink === null) return { type: "gone" };
        const digest = await sink.digest();
        if (digest === sha256) return { type: "complete", sink };
        await sink.close();
        return { type: "incomplete", durable: sink.length, reason: "Not all of it is there" };
      },
      discard: (id) => ask(() => this.abort(id)),
      ids: async function* () {},
      lookAt: async () => null,
      obstacle: (destination) =>
        ask(() => {
          const there = this.objects.get(pathOf(destination));
          return there === undefined ? null : obstacleOf(destination, there);
        }),
      amend: async () => "",
      tryDestination: async () => {},
      readBack: async () => true,
      pathOf: () => null,
      freeBytes: async () => null,
      close: async () => {},
    };
  }
}

const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

function markOf({ mark }: StoredNote): Mark {
  return mark === null ? emptyMark : (JSON.parse(mark) as Mark);
}

function obstacleOf(destination: Destination, { id, bytes, description }: StoredObject): Obstacle {
  const upload = parseSidecar(description.metadataText);
  const isTheSame = upload !== null && pathOf(destinationOf(upload)) === pathOf(destination);
  const published = isTheSame ? ({ ...upload, id, size: bytes.length } as Published) : null;
  return { file: destination.name, published };
}

class StoreSink implements Sink {
  readonly #store: SharedStore;
  readonly #process: SimulatedProcess;
  readonly #id: string;
  readonly #events: SinkEvents;
  readonly #waiting: OwnedChunk[] = [];
  #parts: number[];
  #next: number;
  /** Numbers below are ours, as the record says. */
  #sure: number;
  #length: number;
  #taken: number;
  #failed = false;
  #isClosing = false;
  #pumping: Promise<void> | null = null;

  constructor(store: SharedStore, process: SimulatedProcess, id: string, mark: Mark, events: SinkEvents) {
    this.#store = store;
    this.#process = process;
    this.#id = id;
    this.#events = events;
    this.#parts = [...mark.parts];
    this.#next = this.#sure = mark.next;
    this.#length = this.#taken = mark.bytes;
  }

  get length(): number {
    return this.#length;
  }

  get isReady(): boolean {
    return !this.#failed;
  }

  async prepare(): Promise<void> {}

  write(chunk: OwnedChunk): void {
    if (this.#failed || this.#isClosing || chunk.offset !== this.#taken) return chunk.release();
    this.#taken += chunk.data.length;
    this.#waiting.push(chunk);
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = null;
    });
  }

  async #pump(): Promise<void> {
    for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) {
      const bytes = chunk.data.slice();
      chunk.release();
      const number = this.#next++;
      if (number >= this.#sure && !(await this.#claim())) return this.#fail();
      if (this.#failed) return;
      if (bytes.length > 0) {
        await this.#store.ask(this.#process, () => this.#store.putPart(this.#id, number, bytes));
        this.#parts.push(number);
      }
      this.#length += bytes.length;
      this.#events.onStored(this.#length);
      this.#events.onNote(this.#note());
    }
  }

  /** Writes down that the next numbers are ours; whether they are. */
  async #claim(): Promise<boolean> {
    const note = this.#note(this.#next + ahead);
    const isOurs = (await this.#events.record?.(note)) ?? true;
    if (isOurs) this.#sure = this.#next + ahead;
    return isOurs;
  }

  #note(next = Math.max(this.#sure, this.#next)): StoredNote {
    const mark: Mark = { parts: this.#parts, next, bytes: this.#length };
    return { durable: this.#length, mark: JSON.stringify(mark) };
  }

  #fail(): void {
    this.#failed = true;
    this.#drop();
    const error = new DyncError("not-ready", "The store could not be written to");
    this.#events.onFailed(error, this.#note());
  }

  #drop(): void {
    for (const chunk of this.#waiting.splice(0)) chunk.release();
  }

  async rewind(): Promise<StoredNote> {
    await this.#pumping;
    this.#taken = this.#length;
    this.#failed = false;
    return this.#note();
  }

  async digest(): Promise<string> {
    const parts = this.#store.partsOf(this.#id);
    const hash = createHash("sha256");
    for (const number of this.#parts) hash.update(parts.get(number) ?? "");
    return hash.digest("hex");
  }

  async contents(): Promise<null> {
    return null;
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    await this.#pumping;
    if (this.#failed) throw new DyncError("not-ready", "The store could not be written to");
    const parts = [...this.#parts];
    await this.#store.ask(this.#process, () =>
      this.#store.complete(this.#id, parts, destination, description),
    );
  }

  async close(): Promise<StoredNote> {
    this.#isClosing = true;
    this.#drop();
    await this.#pumping;
    return this.#note();
  }

  async discard(): Promise<void> {
    await this.close();
    await this.#store.ask(this.#process, () => this.#store.abort(this.#id));
  }
}
