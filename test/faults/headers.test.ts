// Every bit of the header of every frame of a small upload, and some bits within each frame, flipped on the way, in both
// directions: the upload ends well, and what is stored, metadata included, is what was sent.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import type { Direction } from "../support/faulty-proxy.ts";
import { type FrameFlip, runFrameFlips } from "../support/header-flips.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const directions: readonly Direction[] = ["up", "down"];
/** Bytes of a frame: its flags, the length, and some of what is in it. A short frame's length is one byte. */
const places: Readonly<Record<string, readonly number[]>> = {
  flags: [0],
  length: [1],
  "long length, or the first bytes": [2, 6, 7, 8],
};

function flipsOf(direction: Direction, frames: number, bytes: readonly number[], bits: readonly number[]) {
  const all = Array.from({ length: frames }, (_, frame) => frame);
  return all.flatMap((frame) =>
    bytes.flatMap((byte) => bits.map((bit): FrameFlip => ({ direction, frame, byte, bit }))),
  );
}

describe.skipIf(executablesMissing !== null)(`a damaged frame (${executablesMissing ?? "compiled"})`, () => {
  for (const direction of directions) {
    for (const [what, bytes] of Object.entries(places)) {
      test(
        `on the way ${direction}: every bit of the ${what}`,
        async () => {
          const bits = [0, 1, 2, 3, 4, 5, 6, 7];
          const result = await runFrameFlips((frames) => flipsOf(direction, frames[direction], bytes, bits));
          note(`header bits ${direction}, ${what}`, { ...result });
          expect(result.connectionsMax).toBeLessThanOrEqual(6);
        },
        40 * minuteMs,
      );
    }

    test(
      `on the way ${direction}: bits of what is in it`,
      async () => {
        const bytes = [9, 10, 15, 20, 28];
        const result = await runFrameFlips((frames) => flipsOf(direction, frames[direction], bytes, [0, 6]));
        note(`bits in frames ${direction}`, { ...result });
        expect(result.connectionsMax).toBeLessThanOrEqual(3);
      },
      20 * minuteMs,
    );
  }
});
