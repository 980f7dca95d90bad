// Space that admitted uploads will still need. Without it, many uploads that fit one by one would fill the disk
// together, and all of them would fail.

import { DyncError } from "../base/error.ts";
import type { Storage } from "../storage/storage.ts";

// Left over for the catalogue, sidecars and folders.
const headroomBytes = 1024 * 1024;

export class Room {
  readonly #storage: Storage;
  readonly #reserved = new Map<string, number>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /**
   * Sets `bytes` aside for upload `id`, or throws `DyncError` ("no-space") that names what is free.
   * `null` is an upload of unknown size: it only needs something to be left.
   */
  async reserve(id: string, bytes: number | null): Promise<void> {
    const before = this.#total();
    const free = await this.#storage.freeBytes();
    if (free !== null) {
      // What was written while we waited is no longer set aside, but may have been counted as free.
      const reserved = Math.max(before, this.#total());
      const available = Math.max(0, free - headroomBytes - reserved);
      if (available === 0 || (bytes ?? 0) > available) {
        const wanted = bytes === null ? "the upload has no announced size" : `the upload needs ${bytes}`;
        throw new DyncError(
          "no-space",
          `Not enough room on the server: ${available} bytes are free, ${wanted}`,
        );
      }
    }
    this.#reserved.set(id, bytes ?? 0);
  }

  /** Takes back up to `bytes` of what was set aside for `id`: they are on the disk now. */
  use(id: string, bytes: number): void {
    const left = this.#reserved.get(id);
    if (left !== undefined) this.#reserved.set(id, Math.max(0, left - bytes));
  }

  release(id: string): void {
    this.#reserved.delete(id);
  }

  #total(): number {
    let total = 0;
    for (const bytes of this.#reserved.values()) total += bytes;
    return total;
  }
}
