// Blocks and received messages of the memory transport. What is released or sent is overwritten and detached, so
// that a test sees every use after it. Used by network.ts and connection.ts.

import { assert } from "../../../src/base/assert.ts";
import type { Block, OutgoingFrame, Received } from "../../../src/transport/transport.ts";

/** Counts what is out, so that a test can ask whether everything came back. */
export interface HeldCount {
  held: number;
}

const poison = 0xdb;

/** Overwrites bytes and makes every view of them empty. */
function destroy(bytes: Uint8Array): void {
  bytes.fill(poison);
  (bytes.buffer as ArrayBuffer).transfer();
}

export class MemoryBlock implements Block {
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly #count: HeldCount;
  #isOwned = true;

  constructor(count: HeldCount, length: number) {
    this.#count = count;
    this.length = length;
    this.bytes = new Uint8Array(length);
    count.held += 1;
  }

  /** The content, for the receiver; the block is gone. */
  take(): Uint8Array {
    const content = this.bytes.slice();
    this.release();
    return content;
  }

  release(): void {
    assert(this.#isOwned, "a block is sent or released once");
    this.#isOwned = false;
    this.#count.held -= 1;
    destroy(this.bytes);
  }
}

export class MemoryReceived implements Received {
  readonly frames: readonly Uint8Array[];
  readonly #count: HeldCount;
  #isReleased = false;

  constructor(count: HeldCount, frames: readonly Uint8Array[]) {
    this.#count = count;
    this.frames = frames.map((frame) => new Uint8Array(frame));
    count.held += 1;
  }

  release(): void {
    assert(!this.#isReleased, "a message is released once");
    this.#isReleased = true;
    this.#count.held -= 1;
    for (const frame of this.frames) destroy(frame);
  }
}

/** Takes the frames over as a send does: blocks are gone afterwards. */
export function takeFrames(frames: readonly OutgoingFrame[]): Uint8Array[] {
  assert(frames.length > 0, "a message has at least one frame");
  return frames.map((frame) => {
    // Not slice(): a Buffer's shares its memory.
    if (frame instanceof Uint8Array) return new Uint8Array(frame);
    assert(frame instanceof MemoryBlock, "a block comes from this transport's allocate()");
    return frame.take();
  });
}
