// The bytes of one upload on their way into a partial: hashed as they come, appended in order, made durable now and then.

import { assert } from "../base/assert.ts";
import { DyncError } from "../base/error.ts";
import { timed } from "../base/stages.ts";
import type { Destination } from "../upload/destination.ts";
import type { Contents } from "../upload/upload.ts";
import type { ParkedHashes } from "./parked-hashes.ts";
import type { PartialUpload } from "./partial.ts";
import { hashFrom, hashRest } from "./rehash.ts";
import type { Sha256, Sha256Maker } from "./sha256/sha256.ts";
import type { Description, OwnedChunk, Sink, SinkEvents, StoredNote } from "./storage.ts";
import { notDurable } from "./storage-error.ts";

export interface PartialSinkOptions {
  readonly id: string;
  /** Bytes that are known to survive a power cut; more are made so every `syncEveryBytes`. */
  readonly durable: number;
  readonly syncEveryBytes: number;
  /** The state of the hash is kept with them every so many, where the partial can. */
  readonly saveEveryBytes: number;
  /** Identifies the running system, or `null`. */
  readonly bootId: string | null;
  /** Where the state of the hash is kept while nobody has the upload open. */
  readonly hashes: ParkedHashes;
  readonly sha256: Sha256Maker;
  /** Bytes behind those that `note` says are not to be trusted, and could not be cut off. */
  distrust(note: StoredNote): void;
}

/** A chunk, and the state of the hash behind it where that is to be kept. */
interface Pending {
  readonly chunk: OwnedChunk;
  readonly state: Uint8Array | null;
}

export class PartialSink implements Sink {
  readonly #partial: PartialUpload;
  readonly #options: PartialSinkOptions;
  readonly #events: SinkEvents;
  readonly #pending: Pending[] = [];
  #hash: Sha256;
  /** Bytes that went into the hash, stored or not; -1 after its end. */
  #hashed: number;
  /** Of how many bytes the state was kept last. */
  #saved: number;
  #durable: number;
  #syncing: Promise<void> | null = null;
  #writing: Promise<void> | null = null;
  /** It is made ready. */
  #preparing: Promise<unknown> = Promise.resolve();
  /** Nothing is taken any more, until it is rewound. */
  /** Why nothing more is stored, until it is rewound. */
  #failure: unknown = null;
  /** Bytes past `durable` may be lost although the system shows them: a write or a sync failed. */
  #suspect = false;
  #isClosing = false;

  constructor(partial: PartialUpload, options: PartialSinkOptions, events: SinkEvents) {
    const parked = options.hashes.take(options.id, partial.length);
    this.#partial = partial;
    this.#options = options;
    this.#events = events;
    this.#hash = parked ?? options.sha256.create();
    this.#hashed = this.#saved = parked === null ? 0 : partial.length;
    this.#durable = options.durable;
  }

  get length(): number {
    return this.#partial.length;
  }

  get isReady(): boolean {
    return this.#failure === null && this.#hashed >= this.#partial.length;
  }

  write(chunk: OwnedChunk): void {
    if (this.#failure !== null || chunk.offset !== this.#hashed) return chunk.release();
    timed("hash", () => this.#hash.update(chunk.data));
    this.#hashed += chunk.data.length;
    const isDue = this.#hashed - this.#saved >= this.#options.saveEveryBytes;
    this.#pending.push({ chunk, state: isDue ? this.#stateNow() : null });
    this.#writing ??= this.#writeAll();
  }

  #stateNow(): Uint8Array | null {
    this.#saved = this.#hashed;
    return this.#partial.states === undefined ? null : this.#hash.save();
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      const { chunk, state } = next;
      try {
        await this.#partial.append(chunk.data);
        if (state !== null) await this.#partial.states?.keep(state);
      } catch (error) {
        chunk.release();
        this.#fail(error, false);
        break;
      }
      chunk.release();
      if (this.#failure !== null) break;
      this.#events.onStored(this.#partial.length);
      const isDue = this.#partial.length - this.#durable >= this.#options.syncEveryBytes;
      if (isDue) this.#syncing ??= this.#sync();
    }
    this.#writing = null;
  }

  async #sync(): Promise<void> {
    const length = this.#partial.length;
    try {
      await this.#partial.sync();
      this.#durable = length;
      if (this.#failure === null) this.#events.onNote(this.#note());
    } catch (error) {
      this.#fail(error, true);
    } finally {
      this.#syncing = null;
    }
  }

  #note(): StoredNote {
    return { durable: this.#durable, mark: this.#suspect ? null : this.#options.bootId };
  }

  #fail(error: unknown, inSync: boolean): void {
    // Nothing is wrong with the medium: what was taken is there, and so is what will be deleted.
    if (isOfContent(error)) return this.#refuse(error);
    // A full disk refuses bytes, it does not lose those that it took. Also behind an earlier failure: a sync that ran beside
    // the write that was refused may fail after it, and nobody else would hear of that.
    const refused = error instanceof DyncError && error.code === "no-space" && !inSync;
    this.#suspect ||= !refused;
    if (this.#failure !== null) return this.#events.onNote(this.#note());
    this.#failure = error;
    this.#dropPending();
    this.#events.onFailed(error, this.#note());
  }

  #refuse(error: DyncError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#dropPending();
    this.#events.onRefused(error);
  }

  #dropPending(): void {
    for (const { chunk } of this.#pending.splice(0)) chunk.release();
  }

  prepare(): Promise<void> {
    const preparing = this.#rehash();
    this.#preparing = preparing.catch(() => {});
    return preparing;
  }

  async #rehash(): Promise<void> {
    const partial = this.#partial;
    const cancelled = new DyncError("cancelled", "The upload ended while its bytes were read");
    const check = (): void => {
      if (this.#isClosing) throw cancelled;
    };
    try {
      await partial.makeOwn?.(check);
      const { hash, length } = await hashFrom(partial, partial.length, this.#options.sha256);
      await hashRest(partial, hash, length, check);
      this.#hash = hash;
      this.#saved = length;
      this.#hashed = partial.length;
    } catch (error) {
      // Nothing but letting go of the partial may follow.
      if (error !== cancelled) this.#failure = error;
      throw error;
    }
  }

  rewind(): Promise<StoredNote> {
    const rewinding = this.#cutBack();
    this.#preparing = rewinding.catch(() => {});
    return rewinding;
  }

  // Bytes written since the last good sync are not trusted, whatever the system says about them now.
  async #cutBack(): Promise<StoredNote> {
    await this.#written();
    await this.#partial.truncate(this.#durable);
    this.#suspect = false;
    await this.#rehash();
    this.#failure = null;
    return this.#note();
  }

  async digest(): Promise<string> {
    assert(this.#hashed === this.#partial.length, "the digest is that of what is stored");
    // A state that was asked for its digest takes no more.
    this.#hashed = -1;
    return this.#hash.digest().toString("hex");
  }

  async contents(): Promise<Contents | null> {
    if (this.#failure !== null) throw notDurable(this.#failure);
    return await this.#partial.contents();
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    await this.#settle();
    // A sync that ran beside the last writes.
    if (this.#failure !== null) throw notDurable(this.#failure);
    try {
      await this.#partial.publish(destination, description);
      this.#durable = this.#partial.length;
    } catch (error) {
      this.#failure = error;
      this.#durable = Math.max(this.#durable, this.#partial.synced);
      // Unless all of it was synced, the sync may be what failed: another one would only say that nothing is left to write.
      this.#suspect = this.#durable < this.#partial.length;
      const isKnown = error instanceof DyncError && error.code !== "internal";
      throw this.#suspect && !isKnown ? notDurable(error) : error;
    }
  }

  async close(): Promise<StoredNote> {
    this.#isClosing = true;
    this.#dropPending();
    await this.#settle();
    await this.#saveAtEnd();
    if (this.#failure === null && this.#partial.length > this.#durable) await this.#sync();
    if (this.#suspect) await this.#cutOff();
    await this.#partial.close();
    this.#park();
    return this.#note();
  }

  // Whoever takes it up need not read anything again.
  async #saveAtEnd(): Promise<void> {
    const isExact = this.#failure === null && this.#hashed === this.#partial.length;
    const state = isExact && this.#hashed > this.#saved ? this.#stateNow() : null;
    if (state === null) return;
    try {
      await this.#partial.states?.keep(state);
    } catch (error) {
      this.#fail(error, false);
    }
  }

  // The disk that failed may be the catalogue's too, so that nobody can write down that these bytes prove nothing: what is not
  // there needs no record.
  async #cutOff(): Promise<void> {
    try {
      await this.#partial.truncate(this.#durable);
    } catch {
      // Then the record says that they are not to be trusted, and, where the catalogue cannot be changed either, this process.
      this.#options.distrust(this.#note());
    }
  }

  // Kept if it is exactly that of the bytes that are there.
  #park(): void {
    const { length } = this.#partial;
    const isExact = this.#failure === null && !this.#suspect && this.#hashed === length;
    if (isExact && length > 0) this.#options.hashes.keep(this.#options.id, { hash: this.#hash, length });
  }

  async discard(): Promise<void> {
    this.#isClosing = true;
    this.#dropPending();
    await this.#settle();
    await this.#partial.discard();
  }

  // Nothing of ours is let go under a call that uses it.
  async #settle(): Promise<void> {
    await this.#preparing;
    await this.#written();
  }

  async #written(): Promise<void> {
    while (this.#writing !== null || this.#syncing !== null) await (this.#writing ?? this.#syncing);
  }
}

/** Whether it is what the client sent that cannot be stored, not the medium that does not store it. */
export function isOfContent(error: unknown): error is DyncError {
  return error instanceof DyncError && (error.code === "content-rejected" || error.code === "too-large");
}
