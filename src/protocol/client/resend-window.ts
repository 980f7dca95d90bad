// Which bytes of a stream are kept, to be sent again where the server asks for them. Holds offsets only; the driver has the bytes.
// Part of `client-upload.ts`, for sources that cannot be read twice.
//
// Theory of operation.
//
// The server may ask for all that it did not store, which is a window of chunks at most, as wide as it was when the server gave the credit for
// them. Its message that told how wide may have got lost; the credit came by another one. So a server that tells it says with the credit
// what is stored, and what is not known to be stored is kept: what gets lost makes the client keep more, never less. The last
// `maxqueue` chunks are kept besides, where there is room: a disk may lose what was stored.
//
// A server that does not tell what is stored has the last chunks kept, as many as it may ever ask for.

import { assert } from "../../base/assert.ts";
import { limits } from "../limits.ts";
import type { UploadApproved } from "../wire/message.ts";

export class ResendWindow {
  #chunksMax = 1;
  /** Where the chunks begin that are kept, in order; the last one ends at `#end`. */
  readonly #offsets: number[] = [];
  #start = 0;
  #end = 0;
  /** Offset before which all is stored, `null` where the server does not tell. */
  #stored: number | null = null;

  get chunksMax(): number {
    return this.#chunksMax;
  }

  /** Bytes before this offset are gone. */
  get start(): number {
    return this.#start;
  }

  /** Most bytes of the next chunk, so that all is kept that may be asked for; below 0: none, not even an empty one. */
  get room(): number {
    if (this.#stored === null) return Number.POSITIVE_INFINITY;
    if (this.#offsets.length >= limits.maxQueueMax && !this.#isFirstStored) return -1;
    return limits.keptBytesMax - (this.#end - Math.max(this.#start, this.#stored));
  }

  /** Whether the server tells what is stored. */
  get tellsStored(): boolean {
    return this.#stored !== null;
  }

  /** From now on so much is kept, of chunks what was kept before if that is more. */
  allow({ chunksMax, tellsStored }: Keeping): void {
    this.#chunksMax = Math.max(this.#chunksMax, chunksMax);
    if (tellsStored === false) this.#stored = null;
    else if (tellsStored === true) this.#stored ??= this.#start;
  }

  /** The server says that all before `offset` is stored. */
  stored(offset: number): void {
    this.#stored = offset;
    this.#forget();
  }

  /** A chunk of `length` bytes was sent at `offset`. */
  push(offset: number, length: number): void {
    this.#offsets.push(offset);
    this.#end = offset + length;
    this.#forget();
  }

  /** The stream goes on at `offset`: what was sent from there on will be sent again. */
  rewind(offset: number): void {
    assert(offset >= this.#start, "a stream goes back only to what was kept");
    while (this.#offsets.length > 0 && this.#offsets.at(-1)! >= offset) this.#offsets.pop();
    this.#end = offset;
    if (this.#stored !== null) this.#stored = Math.min(this.#stored, offset);
  }

  get #isFirstStored(): boolean {
    return this.#offsets.length > 1 && this.#offsets[1]! <= this.#stored!;
  }

  #forget(): void {
    while (this.#offsets.length > 1 && this.#mayForget) {
      this.#offsets.shift();
      this.#start = this.#offsets[0]!;
    }
  }

  get #mayForget(): boolean {
    const isBeyond = this.#offsets.length > this.#chunksMax;
    if (this.#stored === null) return isBeyond;
    return this.#isFirstStored && (isBeyond || this.#end - this.#offsets[0]! > limits.keptBytesMax);
  }
}

/** What a server makes a client keep of its source, and what follows from it. */
export interface Keeping {
  /** Chunks that are kept whatever is known of them. */
  readonly chunksMax: number;
  /** Most bytes of a chunk: what the server allows, within what we are ready to hold. */
  readonly chunkBytes: number;
  /** Whether it tells what is stored; `null`: as before. */
  readonly tellsStored: boolean | null;
}

/**
 * What the server that says `approved` makes us keep of a source, nothing where that `canSeek`; we said that we can keep `windowBytes`.
 * `null`: it wants more chunks kept than we do.
 */
export function keepingFor(approved: UploadApproved, canSeek: boolean, windowBytes: number): Keeping | null {
  const { maxQueue, info } = approved;
  const chunkBytes = Math.min(approved.chunkBytes, limits.chunkBytesMax);
  if (canSeek) return { chunksMax: maxQueue, chunkBytes, tellsStored: false };
  if (maxQueue > limits.maxQueueMax) return null;
  const widest = Math.min(limits.maxQueueMax, Math.floor(windowBytes / approved.chunkBytes));
  // The original program, or a frame was lost on the way that says so of ours.
  const tellsStored = info.tags === true ? info.stored === true : null;
  // Who may give credit for more than is said now, and does not say what is stored, may ask for all of that.
  const chunksMax = Math.max(1, maxQueue, tellsStored === false ? widest : 0);
  const fitting = Math.floor(limits.keptBytesMax / chunksMax);
  return { chunksMax, chunkBytes: Math.min(chunkBytes, limits.keptChunkBytesMax, fitting), tellsStored };
}
