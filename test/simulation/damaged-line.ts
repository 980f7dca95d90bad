// What arrives over one direction of one connection when the header of a frame is damaged: CURVE protects the frame, not
// the header, so the receiving libzmq drops the frame without a word, or takes the next message for a part of this one.

import type { Random } from "./random.ts";

type Frames = readonly Uint8Array[];

export class DamagedLine {
  #held: Uint8Array[] = [];

  /** The next message will be taken for a part of one before it. */
  get isJoining(): boolean {
    return this.#held.length > 0;
  }

  /** What the receiver gets when these frames arrive: perhaps with what was held, `null` for nothing yet. */
  pass(frames: Frames): Frames | null {
    const all = [...this.#held.splice(0), ...frames];
    return all.length === 0 ? null : all;
  }

  /** The same, when one header is damaged: any frame is dropped, or none and the message has no end. */
  strike(frames: Frames, random: Random): Frames | null {
    const place = random.int(frames.length + 1);
    const left = frames.filter((_, index) => index !== place);
    if (place < frames.length - 1) return left;
    // Without its last frame, or with a last one that claims not to be it: the message goes on. A copy outlives it.
    this.#held = left.map((frame) => frame.slice());
    return null;
  }
}
