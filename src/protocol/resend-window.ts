// Which chunks of a stream may still be asked for again: the last `maxQueue` that were sent. Holds offsets only;
// the driver has the bytes. Used by `client-upload.ts` for sources that cannot be read twice.

import { assert } from "../base/assert.ts";

export class ResendWindow {
  readonly #chunksMax: number;
  readonly #offsets: number[] = [];
  #start = 0;

  constructor(chunksMax: number) {
    assert(chunksMax >= 1, "a window holds at least the chunk that was sent last");
    this.#chunksMax = chunksMax;
  }

  /** Bytes before this offset are gone. */
  get start(): number {
    return this.#start;
  }

  /** A chunk at `offset` was sent. Returns whether `start` moved. */
  push(offset: number): boolean {
    this.#offsets.push(offset);
    if (this.#offsets.length <= this.#chunksMax) return false;
    this.#offsets.shift();
    const before = this.#start;
    this.#start = this.#offsets[0]!;
    return this.#start > before;
  }

  /** The stream goes on at `offset`: what was sent from there on will be sent again. */
  rewind(offset: number): void {
    assert(offset >= this.#start, "a stream goes back only to what was kept");
    while (this.#offsets.length > 0 && this.#offsets.at(-1)! >= offset) this.#offsets.pop();
  }
}
