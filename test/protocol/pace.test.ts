// How much is put under way on lines of every kind: about a second's worth, and never less than keeps the line busy.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Pace } from "../../src/protocol/client/pace.ts";
import { limits } from "../../src/protocol/limits.ts";

const KiB = 1024;
const allowed = 2 * 1024 * KiB;

interface Run {
  readonly bytesMax: number;
  readonly bytesPerMs: number;
  readonly chunkBytes: number;
}

/** Sends for `durationMs` over a line of this rate and this delay each way, with an answer behind each chunk. */
function run(bytesPerMs: number, delayMs: number, durationMs: number, windowBytes = 16 * 1024 * KiB): Run {
  const pace = new Pace();
  pace.allow(allowed);
  pace.connected(0);
  const answers: number[] = [];
  let [now, freeAt, position, underWay, highest, settled] = [0, 0, 0, 0, 0, 0];
  const lengths: number[] = [];
  while (now < durationMs) {
    const length = pace.chunkBytes;
    if (length <= pace.room && underWay + length <= windowBytes) {
      freeAt = Math.max(now, freeAt) + length / bytesPerMs;
      position += length;
      underWay += length;
      lengths.push(length);
      pace.sent(position, length, now);
      answers.push(freeAt + 2 * delayMs);
      // The first answers show what the line is like.
      if (now > durationMs / 2) highest = Math.max(highest, underWay);
      if (now <= durationMs / 2) settled = position;
    } else {
      now = Math.max(now, answers.shift() ?? 0);
      underWay -= lengths.shift() ?? 0;
      pace.left(lengths.length, now);
    }
  }
  const bytes = position - settled;
  return { bytesMax: highest, bytesPerMs: bytes / (durationMs / 2), chunkBytes: pace.chunkBytes };
}

describe("what is under way", () => {
  test("is a second's worth, and what a line holds by its length, on lines from 16 KiB/s to 8 MiB/s", () => {
    const line = fc.record({
      bytesPerMs: fc.integer({ min: 16, max: 8192 }),
      delayMs: fc.integer({ min: 0, max: 300 }),
    });
    fc.assert(
      fc.property(line, ({ bytesPerMs, delayMs }) => {
        const { bytesMax } = run(bytesPerMs, delayMs, 120_000);
        const longest = bytesPerMs * (2 * delayMs + 2 * limits.underWayMs);
        expect(bytesMax).toBeLessThanOrEqual(Math.max(longest, 2 * limits.chunkBytesSlow));
      }),
      { numRuns: 60 },
    );
  });

  test("keeps the line busy", () => {
    for (const bytesPerMs of [100, 1000, 8000]) {
      for (const delayMs of [0, 20, 100, 300]) {
        const { bytesPerMs: reached } = run(bytesPerMs, delayMs, 60_000);
        expect(reached / bytesPerMs).toBeGreaterThan(0.9);
      }
    }
  });

  test("is bounded by the credit alone on a fast line, with the longest chunks", () => {
    const { bytesMax, chunkBytes } = run(400_000, 1, 1000);
    expect([bytesMax, chunkBytes]).toEqual([16 * 1024 * KiB, allowed]);
  });

  test("may always be one chunk", () => {
    const pace = new Pace();
    pace.allow(allowed);
    pace.connected(0);
    pace.sent(1, 1, 0);
    pace.left(0, 1_000_000);
    expect(pace.room).toBeGreaterThanOrEqual(allowed);
  });

  test("starts anew, and asks for answers, on each connection", () => {
    const pace = new Pace();
    pace.allow(allowed);
    pace.connected(0);
    expect(pace.chunkBytes).toBe(limits.chunkBytesSlow);
    for (let sent = 1; sent <= 4; sent++) pace.sent(sent * 16 * KiB, 16 * KiB, 0);
    expect([pace.room, pace.wantsAnswer(16 * allowed)]).toEqual([0, true]);
    pace.left(0, 1);
    expect([pace.chunkBytes, pace.wantsAnswer(8 * allowed), pace.taken]).toEqual([allowed, false, 64 * KiB]);
    pace.connected(64 * KiB);
    expect(pace.chunkBytes).toBe(limits.chunkBytesSlow);
  });
});

describe("the first chunks of a connection", () => {
  test("are no longer than a server allows, also one whose chunks are tiny", () => {
    const pace = new Pace();
    pace.allow(64 * KiB);
    pace.connected(0);
    pace.allow(4 * KiB);
    expect(pace.chunkBytes).toBe(4 * KiB);
    pace.connected(0);
    expect(pace.chunkBytes).toBe(4 * KiB);
  });
});
