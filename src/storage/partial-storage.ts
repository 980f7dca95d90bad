// What storages share that keep an unfinished upload as a partial: they take up what is stored, and say how much of it can be
// relied on.

import type { Destination } from "../upload/destination.ts";
import type { Form } from "../upload/upload.ts";
import { ParkedHashes } from "./parked-hashes.ts";
import type { PartialUpload } from "./partial.ts";
import { PartialSink } from "./partial-sink.ts";
import { hashFrom, hashRest } from "./rehash.ts";
import { plainSha256, type Sha256Maker } from "./sha256/sha256.ts";
import type { Prospect, Remainder, Sink, SinkEvents, StorageProperties, StoredNote } from "./storage.ts";
import type { StorageWorkers } from "./workers/storage-workers.ts";

export interface PartialStorageOptions {
  /** Bytes are made durable whenever so many came. */
  readonly syncEveryBytes: number;
  /** Identifies the running system (not the process): a power cut changes it. `null` where that cannot be told. */
  readonly bootId: string | null;
  /** By what bytes are hashed; the runtime's unless it is given. */
  readonly sha256?: Sha256Maker;
  /** The state of that is kept whenever so many bytes came: as many, and what is under way, are read again after a crash. */
  readonly saveEveryBytes?: number;
}

// To hash as many takes some hundredths of a second; a state takes a quarter of a kilobyte.
const saveEveryBytesDefault = 64 * 1024 * 1024;

/** The mark in its notes is the boot id of the system that has the bytes in its memory. */
export abstract class PartialStorage {
  #options: PartialStorageOptions;
  #hashes = new ParkedHashes();
  /** Of uploads with bytes that are not to be trusted and could not be cut off: their records may not say so either. */
  #distrusted = new Map<string, StoredNote>();

  constructor(options: PartialStorageOptions) {
    this.#options = options;
  }

  /** Who has uploads beside the main thread; `null`: nobody. */
  protected readonly workers: StorageWorkers | null = null;

  /** Creates an empty partial; `root` as in `Prospect`, `fence` as in `StoredNote`. */
  abstract create(id: string, form: Form, root?: string, fence?: number): Promise<PartialUpload>;
  /** Opens a partial that is there, or returns `null`; `note` is what its record tells. */
  abstract open(id: string, root?: string, note?: StoredNote): Promise<PartialUpload | null>;
  /** Whether upload `id` is visible at `destination`, with this SHA-256 (hex). */
  abstract isPublished(
    id: string,
    destination: Destination,
    sha256: string,
    note?: StoredNote,
  ): Promise<boolean>;
  /** Ends a publishing that came as far as that the data are visible. */
  protected abstract endPublishing(id: string, destination: Destination, note?: StoredNote): Promise<void>;

  /** Somebody else had upload `id`: what is known here of its bytes is old. */
  protected forget(id: string): void {
    this.#hashes.forget(id);
  }

  /** From now on another process uses it, which remembers nothing: for a storage that outlives its process in a test. */
  protected restart(options: PartialStorageOptions): void {
    this.#options = options;
    this.#hashes = new ParkedHashes();
    this.#distrusted = new Map();
  }

  // Each chunk is stored by itself, and is in the system's memory from then on.
  get properties(): StorageProperties {
    return { partBytes: 0, keepsAfterCrash: this.#options.bootId !== null };
  }

  /** Bytes of upload `id` behind those that `note` says are not to be trusted, and could not be cut off; its record may not say so. */
  protected distrust(id: string, note: StoredNote): void {
    // What is not durable never counts then; and somebody else may have more of it one day.
    if (this.#options.bootId !== null) this.#distrusted.set(id, note);
  }

  /** What is known of it, whose record says `note`. */
  #known(id: string, note: StoredNote): StoredNote {
    const known = this.#distrusted.get(id);
    return known === undefined ? note : { ...note, ...known };
  }

  get emptyNote(): StoredNote {
    return { durable: 0, mark: this.#options.bootId };
  }

  async begin(id: string, form: Form, events: SinkEvents, prospect: Prospect = {}): Promise<Sink> {
    const worker = this.workers?.of(id, prospect) ?? null;
    if (worker === null) return this.#begin(id, form, events, prospect);
    return await worker.begin(id, form, prospect.root, events);
  }

  async #begin(
    id: string,
    form: Form,
    events: SinkEvents,
    { root }: Prospect,
    fence?: number,
  ): Promise<Sink> {
    return this.#sinkOf(id, await this.create(id, form, root, fence), 0, events);
  }

  async resume(
    id: string,
    form: Form,
    note: StoredNote,
    events: SinkEvents,
    prospect: Prospect = {},
  ): Promise<Sink | null> {
    const worker = this.workers?.of(id, prospect) ?? null;
    if (worker === null) return this.#resume(id, form, note, events, prospect);
    const sink = await worker.resume(id, form, prospect.root, this.#known(id, note), events);
    // They are cut off.
    if (sink !== null) this.#distrusted.delete(id);
    return sink;
  }

  async #resume(
    id: string,
    form: Form,
    note: StoredNote,
    events: SinkEvents,
    prospect: Prospect,
  ): Promise<Sink | null> {
    const partial = await this.open(id, prospect.root, note);
    // A crash came between its record and its bytes, or with nothing durable: it begins at its beginning.
    if (partial === null)
      return note.durable === 0 ? this.#begin(id, form, events, prospect, note.fence) : null;
    const known = this.#known(id, note);
    const trusted = trustedLength(known, partial.length, this.#options.bootId);
    if (trusted < partial.length) await closedIfFailed(partial, () => partial.truncate(trusted));
    this.#distrusted.delete(id);
    return this.#sinkOf(id, partial, Math.min(known.durable, trusted), events);
  }

  async recover(id: string, note: StoredNote, destination: Destination, sha256: string): Promise<Remainder> {
    if (await this.isPublished(id, destination, sha256, note)) {
      // What has its name was durable before it got it, and has its description beside it.
      await this.endPublishing(id, destination, note);
      return { type: "published" };
    }
    const partial = await this.open(id, destination.manner?.untar, note);
    if (partial === null) return { type: "gone" };
    const { durable, mark } = this.#known(id, note);
    const left = Math.min(durable, partial.length);
    // Where a sync failed before, what can be read proves nothing.
    const isSuspect = this.#options.bootId !== null && mark === null;
    return await closedIfFailed(partial, async () => {
      if (!isSuspect && (await this.#sha256Of(partial, { durable, mark })) === sha256)
        return { type: "complete", sink: this.#sinkOf(id, partial, left, noEvents) };
      await partial.truncate(left);
      await partial.close();
      const reason = isSuspect
        ? "Stored bytes were not made durable"
        : "Stored bytes differ from their checksum";
      return { type: "incomplete", durable: left, reason };
    });
  }

  /** SHA-256 (hex) of all that is there. What is only believed to be there, and not known, is read. */
  async #sha256Of(partial: PartialUpload, note: StoredNote): Promise<string> {
    const known = trustedLength(note, partial.length, this.#options.bootId);
    const { hash, length } = await hashFrom(partial, known, this.#sha256);
    await hashRest(partial, hash, length, () => {});
    return hash.digest().toString("hex");
  }

  get #sha256(): Sha256Maker {
    return this.#options.sha256 ?? plainSha256;
  }

  #sinkOf(id: string, partial: PartialUpload, durable: number, events: SinkEvents): Sink {
    const { syncEveryBytes, saveEveryBytes = saveEveryBytesDefault, bootId } = this.#options;
    const distrust = (note: StoredNote): void => this.distrust(id, note);
    const shared = { syncEveryBytes, saveEveryBytes, bootId, hashes: this.#hashes, sha256: this.#sha256 };
    const options = { id, durable, ...shared, distrust };
    return new PartialSink(partial, options, events);
  }
}

/**
 * How many of `length` bytes can be trusted. While the system has not restarted, everything that was written is in
 * its memory or on the disk, whatever became of our process; after a restart only what was synced is.
 */
export function trustedLength({ durable, mark }: StoredNote, length: number, bootId: string | null): number {
  return bootId !== null && mark === bootId ? length : Math.min(length, durable);
}

async function closedIfFailed<T>(partial: PartialUpload, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await partial.close();
    throw error;
  }
}

const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };
