// SHA-256 states of uploads that gave up their place, so that one that comes back goes on at once and need not be read
// again from its start. Not every state can be written down, but the object can be kept: it is small, and their number is bounded.

import type { Sha256 } from "./sha256/sha256.ts";

/** A state and the bytes that went into it. */
export interface ParkedHash {
  readonly hash: Sha256;
  readonly length: number;
}

/** Less than a kilobyte each. */
const keptMax = 2000;

export class ParkedHashes {
  readonly #kept = new Map<string, ParkedHash>();

  /** Keeps the state of upload `id`; the oldest one goes when there are too many. */
  keep(id: string, parked: ParkedHash): void {
    this.#kept.delete(id);
    this.#kept.set(id, parked);
    if (this.#kept.size <= keptMax) return;
    for (const [oldest] of this.#kept) {
      this.#kept.delete(oldest);
      return;
    }
  }

  /** That of upload `id` says nothing any more. */
  forget(id: string): void {
    this.#kept.delete(id);
  }

  /** The state of upload `id` after exactly `length` bytes, or `null`. It is not kept any longer. */
  take(id: string, length: number): Sha256 | null {
    const parked = this.#kept.get(id);
    this.#kept.delete(id);
    return parked?.length === length ? parked.hash : null;
  }
}
