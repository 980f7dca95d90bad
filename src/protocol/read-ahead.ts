// The chunk that is read before there is credit for it. Part of `client-upload.ts`.

import { assert } from "../base/assert.ts";
import type { ClientInput } from "./client-events.ts";

export type ReadChunk = Extract<ClientInput, { type: "chunk-read" }>;

export class ReadAhead {
  /** Offset of the `read` that was not answered yet. */
  #reading: number | null = null;
  /** How many bytes that one asked for. */
  #lengthMax = 0;
  #ready: ReadChunk | null = null;

  /** The chunk at `position`, if it is at hand; another one is of no use any more. */
  at(position: number): ReadChunk | null {
    if (this.#ready?.offset !== position) this.#ready = null;
    return this.#ready;
  }

  /** The chunk at `position` is wanted, of at most `lengthMax` bytes. Returns whether it has to be asked for. */
  wants(position: number, lengthMax: number): boolean {
    if (this.#ready !== null || this.#reading === position) return false;
    this.#reading = position;
    this.#lengthMax = lengthMax;
    return true;
  }

  /** A `read` was answered. */
  answered(chunk: ReadChunk): void {
    // It may be the answer to one that another replaced.
    if (chunk.offset !== this.#reading) return;
    assert(chunk.length <= this.#lengthMax, "a chunk is no longer than was asked for");
    assert(
      (chunk.length === 0) === (chunk.checksum !== null),
      "the empty last chunk, and no other, has the checksum",
    );
    this.#reading = null;
    this.#ready = chunk;
  }

  /** The chunk was sent. */
  sent(): void {
    this.#ready = null;
  }

  /** What was asked for is too long now. */
  clear(): void {
    this.#ready = this.#reading = null;
  }
}
