// Which chunks of a stream may still be asked for again: the last `maxQueue` that were sent. Holds offsets only;
// the driver has the bytes. Used by `client-upload.ts` for sources that cannot be read twice.

import { assert } from "../../base/assert.ts";
import { limits } from "../limits.ts";

export class ResendWindow {
  #chunksMax: number;
  readonly #offsets: number[] = [];
  #start = 0;

  constructor(chunksMax: number) {
    assert(chunksMax >= 1, "a window holds at least the chunk that was sent last");
    this.#chunksMax = chunksMax;
  }

  get chunksMax(): number {
    return this.#chunksMax;
  }

  /** Bytes before this offset are gone. */
  get start(): number {
    return this.#start;
  }

  /** From now on the last `chunksMax` are kept, if that is more than before. */
  widen(chunksMax: number): void {
    this.#chunksMax = Math.max(this.#chunksMax, chunksMax);
  }

  /** A chunk at `offset` was sent. */
  push(offset: number): void {
    this.#offsets.push(offset);
    if (this.#offsets.length <= this.#chunksMax) return;
    this.#offsets.shift();
    this.#start = this.#offsets[0]!;
  }

  /** How many chunks more can be sent from `position` on, so that all those are kept that end behind `taken`. */
  roomBehind(taken: number, position: number): number {
    const ends = [...this.#offsets.slice(1), position];
    const unknown = this.#offsets.filter((_, at) => ends[at]! > taken).length;
    return Math.max(0, this.#chunksMax - unknown);
  }

  /** The stream goes on at `offset`: what was sent from there on will be sent again. */
  rewind(offset: number): void {
    assert(offset >= this.#start, "a stream goes back only to what was kept");
    while (this.#offsets.length > 0 && this.#offsets.at(-1)! >= offset) this.#offsets.pop();
  }
}

/**
 * Most bytes of the chunks of an upload: what the server allows, within what we are ready to hold. `canSeek` false:
 * `maxQueue` chunks must fit into what is kept of a stream. `null`: the server wants more chunks kept than we do.
 */
export function chunkLengthMax(chunkBytes: number, maxQueue: number, canSeek: boolean): number | null {
  const length = Math.min(chunkBytes, limits.chunkBytesMax);
  if (canSeek) return length;
  if (maxQueue > limits.maxQueueMax) return null;
  return Math.min(length, limits.keptChunkBytesMax, Math.floor(limits.keptBytesMax / maxQueue));
}
