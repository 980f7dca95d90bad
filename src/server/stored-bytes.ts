// The bytes of one upload on their way to the storage: hashed as they come, appended in order, made durable now
// and then. Knows nothing of the protocol; `session.ts` tells it what to write and hears what became of it.

import { createHash, type Hash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { DyncError } from "../base/error.ts";
import type { Description, Destination, Partial } from "../storage/storage.ts";
import type { ParkedHash } from "./parked-hashes.ts";

/** A chunk that waits to be written, and the message memory it lives in. */
export interface PendingWrite {
  readonly data: Uint8Array;
  release(): void;
}

export interface StoredBytesEvents {
  /** One write is in the storage; called in the order of `write`. */
  onWritten(bytes: number): void;
  /** Everything up to `durable` bytes survives a power cut. */
  onDurable(durable: number): void;
  /**
   * A write or a sync failed. Everything that was still pending is dropped; nothing more happens until
   * `rewind`, `close` or `discard`.
   */
  onFailed(error: unknown): void;
}

// Big enough to hash at full speed, small enough that other uploads get their turn in between.
const rehashBytes = 1024 * 1024;

export class StoredBytes {
  readonly #partial: Partial;
  readonly #syncEveryBytes: number;
  readonly #events: StoredBytesEvents;
  readonly #pending: PendingWrite[] = [];
  #hash: Hash;
  /** Bytes that went into the hash, written or not. */
  #hashed: number;
  #durable: number;
  #syncing: Promise<void> | null = null;
  #writing: Promise<void> | null = null;
  #failed = false;
  #suspect = false;

  /**
   * `durable` of the partial's bytes are known to survive a power cut; more are made so every `syncEveryBytes`. `hash`
   * is the state after all of them, where there is one; else they have to be hashed, by `rehash`.
   */
  constructor(
    partial: Partial,
    durable: number,
    syncEveryBytes: number,
    events: StoredBytesEvents,
    hash: Hash | null = null,
  ) {
    this.#partial = partial;
    this.#hash = hash ?? createHash("sha256");
    this.#hashed = hash === null ? 0 : partial.length;
    this.#syncEveryBytes = syncEveryBytes;
    this.#durable = durable;
    this.#events = events;
  }

  get durable(): number {
    return this.#durable;
  }

  /** Whether bytes past `durable` may be lost although the system shows them: a write or a sync failed. */
  get isSuspect(): boolean {
    return this.#suspect;
  }

  /** Chunks that were taken over and are still in memory. */
  get unwritten(): number {
    return this.#pending.length + (this.#writing === null ? 0 : 1);
  }

  get length(): number {
    return this.#partial.length;
  }

  /** Takes `write` over, with its memory: hashes it now, appends it after those before. */
  write(write: PendingWrite): void {
    if (this.#failed) return write.release();
    this.#hash.update(write.data);
    this.#hashed += write.data.length;
    this.#pending.push(write);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (let write = this.#pending.shift(); write !== undefined; write = this.#pending.shift()) {
      try {
        await this.#partial.append(write.data);
      } catch (error) {
        write.release();
        this.#fail(error, false);
        break;
      }
      const bytes = write.data.length;
      write.release();
      if (this.#failed) break;
      this.#events.onWritten(bytes);
      if (this.#partial.length - this.#durable >= this.#syncEveryBytes) this.#syncing ??= this.#sync();
    }
    this.#writing = null;
  }

  async #sync(): Promise<void> {
    const length = this.#partial.length;
    try {
      await this.#partial.sync();
      this.#durable = length;
      if (!this.#failed) this.#events.onDurable(length);
    } catch (error) {
      this.#fail(error, true);
    } finally {
      this.#syncing = null;
    }
  }

  #fail(error: unknown, inSync: boolean): void {
    // A full disk refuses bytes, it does not lose those that it took. Also behind an earlier failure: a sync that ran beside
    // the write that was refused may fail after it, and nobody else would hear of that.
    const refused = error instanceof DyncError && error.code === "no-space" && !inSync;
    this.#suspect ||= !refused;
    if (this.#failed) return;
    this.#failed = true;
    this.#dropPending();
    this.#events.onFailed(error);
  }

  #dropPending(): void {
    for (const write of this.#pending.splice(0)) write.release();
  }

  /** Hashes the bytes that are there already. `signal` stops it between two reads. */
  async rehash(signal: AbortSignal): Promise<void> {
    const hash = createHash("sha256");
    const end = this.#partial.length;
    const buffer = new Uint8Array(Math.min(rehashBytes, end));
    for (let offset = 0; offset < end; ) {
      signal.throwIfAborted();
      const count = await this.#read(offset, buffer.subarray(0, end - offset));
      hash.update(buffer.subarray(0, count));
      offset += count;
    }
    this.#hash = hash;
    this.#hashed = end;
  }

  async #read(offset: number, into: Uint8Array): Promise<number> {
    try {
      const count = await this.#partial.read(offset, into);
      assert(count > 0, "a partial ends where its length says");
      return count;
    } catch (error) {
      // Nothing but letting go of the partial may follow.
      this.#failed = true;
      throw error;
    }
  }

  /**
   * After a failure: cuts back to what is durable and hashes that again. Returns the length that is left.
   * Bytes written since the last good sync are not trusted, whatever the system says about them now.
   */
  async rewind(signal: AbortSignal): Promise<number> {
    await this.#settle();
    await this.#partial.truncate(this.#durable);
    this.#suspect = false;
    await this.rehash(signal);
    this.#failed = false;
    return this.#durable;
  }

  /** SHA-256 of everything written so far, lower-case hex. Ends the hashing. */
  digest(): string {
    assert(this.#pending.length === 0, "the digest is taken after the last write");
    // A state that was asked for its digest takes no more.
    this.#hashed = -1;
    return this.#hash.digest("hex");
  }

  /** Publishes the content; see `Partial.publish`. */
  async publish(destination: Destination, description: Description): Promise<void> {
    await this.#settle();
    // A sync that ran beside the last writes.
    if (this.#failed) throw new DyncError("internal", "The file could not be made durable on the server");
    try {
      await this.#partial.publish(destination, description);
      this.#durable = this.#partial.length;
    } catch (error) {
      this.#failed = true;
      this.#durable = Math.max(this.#durable, this.#partial.synced);
      // Unless all of it was synced, the sync may be what failed: another one would only say that nothing is left to write.
      this.#suspect = this.#durable < this.#partial.length;
      throw error;
    }
  }

  /**
   * Lets go of the partial; its bytes stay, and are made durable if they can be. What a failed write or sync made suspect is cut
   * off, if that can be done; `isSuspect` stays, for the record. Returns what is durable.
   */
  async close(): Promise<number> {
    this.#dropPending();
    await this.#settle();
    if (!this.#failed && this.#partial.length > this.#durable) await this.#sync();
    if (this.#suspect) await this.#cutOff();
    await this.#partial.close();
    return this.#durable;
  }

  // The disk that failed may be the catalogue's too, so that nobody can write down that these bytes prove nothing: what is not
  // there needs no record.
  async #cutOff(): Promise<void> {
    try {
      await this.#partial.truncate(this.#durable);
    } catch {
      // Then the record alone says that they are not to be trusted.
    }
  }

  /** After `close`: the state of the hash, if it is exactly that of the bytes that are there. */
  get parkedHash(): ParkedHash | null {
    const { length } = this.#partial;
    const isExact = !this.#failed && !this.#suspect && this.#hashed === length;
    return isExact && length > 0 ? { hash: this.#hash, length } : null;
  }

  /** Deletes the bytes. */
  async discard(): Promise<void> {
    this.#dropPending();
    await this.#settle();
    await this.#partial.discard();
  }

  async #settle(): Promise<void> {
    while (this.#writing !== null || this.#syncing !== null) await (this.#writing ?? this.#syncing);
  }
}
