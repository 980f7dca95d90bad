// One partial of the memory storage, with the failures that were asked for: after one it wants to be cut back, as a
// partial on disk does. Made by storage.ts, which keeps the bytes.

import { assert } from "../../../src/base/assert.ts";
import { DyncError } from "../../../src/base/error.ts";
import type { PartialUpload } from "../../../src/storage/partial.ts";
import type { Description } from "../../../src/storage/storage.ts";
import type { Destination } from "../../../src/upload/destination.ts";

export interface StorageOperation {
  readonly type: "create" | "open" | "append" | "sync" | "read" | "truncate" | "publish" | "show" | "discard";
  readonly id: string;
}

/** Thrown by `before`: the append fails after it wrote so many bytes. */
export class ShortWrite extends DyncError {
  constructor(readonly bytesWritten: number) {
    super("internal", "The file could not be written on the server (EIO)");
    this.bytesWritten = bytesWritten;
  }
}

/** Content that outlives the handles to it. */
export interface MemoryBytes {
  bytes: Uint8Array;
  length: number;
  durable: number;
  writtenAt: Date;
}

/** What a partial needs of its storage. */
export interface MemoryPartialParts {
  before(type: StorageOperation["type"]): Promise<void>;
  free(): number;
  publish(destination: Destination, description: Description): Promise<void>;
  discard(): void;
  lose(unsynced: Uint8Array): void;
  date(): Date;
}

export class MemoryPartial implements PartialUpload {
  readonly #parts: MemoryPartialParts;
  readonly #stored: MemoryBytes;
  #isBroken = false;
  #isClosed = false;

  constructor(stored: MemoryBytes, parts: MemoryPartialParts) {
    this.#stored = stored;
    this.#parts = parts;
  }

  get length(): number {
    return this.#stored.length;
  }

  get synced(): number {
    return this.#stored.durable;
  }

  async append(data: Uint8Array): Promise<void> {
    try {
      await this.#use("append", () => {
        const fits = data.length <= this.#parts.free();
        if (!fits) throw new DyncError("no-space", "No space left on the server's disk");
        this.#add(data);
      });
    } catch (error) {
      if (error instanceof ShortWrite) this.#add(data.subarray(0, error.bytesWritten));
      throw error;
    }
  }

  #add(data: Uint8Array): void {
    const stored = this.#stored;
    if (stored.length + data.length > stored.bytes.length) {
      const larger = new Uint8Array(2 * (stored.length + data.length));
      larger.set(stored.bytes.subarray(0, stored.length));
      stored.bytes = larger;
    }
    stored.bytes.set(data, stored.length);
    stored.length += data.length;
    stored.writtenAt = this.#parts.date();
  }

  async sync(): Promise<void> {
    const stored = this.#stored;
    const { length } = stored;
    try {
      await this.#use("sync", () => {
        stored.durable = Math.max(stored.durable, length);
      });
    } catch (error) {
      // As Linux does: what could not be written is dropped, and the next sync knows nothing of it.
      this.#parts.lose(stored.bytes.subarray(stored.durable, length));
      throw error;
    }
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    let count = 0;
    await this.#use("read", () => {
      const { bytes, length } = this.#stored;
      const found = bytes.subarray(offset, Math.min(length, offset + into.length));
      into.set(found);
      count = found.length;
    });
    return count;
  }

  async truncate(length: number): Promise<void> {
    assert(length >= 0 && length <= this.#stored.length, "a partial is only ever cut back");
    this.#isBroken = false;
    this.#isClosed = false;
    await this.#use("truncate", () => {
      this.#stored.length = length;
      this.#stored.durable = length;
      this.#stored.writtenAt = this.#parts.date();
    });
  }

  // What a tar has in it is nobody's business here: its bytes are kept as a file's.
  async contents(): Promise<null> {
    return null;
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    await this.sync();
    await this.#use(null, async () => {
      await this.#parts.publish(destination, description);
      this.#isClosed = true;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async discard(): Promise<void> {
    this.#isClosed = true;
    await this.#parts.before("discard");
    this.#parts.discard();
  }

  async #use(type: StorageOperation["type"] | null, effect: () => void | Promise<void>): Promise<void> {
    assert(!this.#isClosed, "a partial is not used after it was closed");
    assert(!this.#isBroken, "a partial is cut back after a failure before it is used again");
    try {
      if (type !== null) await this.#parts.before(type);
      await effect();
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }
}
