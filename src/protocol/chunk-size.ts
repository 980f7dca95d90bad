// How long the chunks of an upload are: as long as the server allows, shorter on a line so slow that connections
// end (a message that takes longer than the client's patience ends its connection) before a few are across.

import { assert } from "../base/assert.ts";
import { limits } from "./limits.ts";

// A connection that brought less than this across was not worth its chunks' length.
const fewChunks = 2;
// After this many on one connection the line bears longer ones.
const manyChunks = 64;

export class ChunkSize {
  #allowed = 0;
  #length = 0;
  #position = 0;
  #sent = 0;

  /** Most bytes of the next chunk; 0 before `allow`. */
  get length(): number {
    return this.#length;
  }

  /** The server takes chunks of at most `bytes`. Returns whether chunks of the old length are too long now. */
  allow(bytes: number): boolean {
    assert(bytes > 0, "a chunk has room for something");
    const before = this.#length;
    this.#length = before === 0 ? bytes : Math.min(before, bytes);
    this.#allowed = bytes;
    return this.#length < before;
  }

  /** A new connection begins: the server has everything before `position`. Returns as `allow`. */
  connected(position: number): boolean {
    const gained = position - this.#position;
    this.#position = position;
    this.#sent = 0;
    if (gained >= fewChunks * this.#length) return false;
    const shorter = Math.max(Math.min(this.#allowed, limits.chunkBytesSlow), Math.floor(this.#length / 2));
    const isShorter = shorter < this.#length;
    this.#length = shorter;
    return isShorter;
  }

  /** One more chunk was sent on this connection. */
  sent(): void {
    this.#sent += 1;
    if (this.#sent % manyChunks === 0) this.#length = Math.min(this.#allowed, 2 * this.#length);
  }
}
