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
  pace.connected(0, null);
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
    pace.connected(0, null);
    pace.sent(1, 1, 0);
    pace.left(0, 1_000_000);
    expect(pace.room).toBeGreaterThanOrEqual(allowed);
  });

  test("starts anew, and asks for answers, on each connection", () => {
    const pace = new Pace();
    pace.allow(allowed);
    pace.connected(0, null);
    expect(pace.chunkBytes).toBe(limits.chunkBytesSlow);
    for (let sent = 1; sent <= 4; sent++) pace.sent(sent * 16 * KiB, 16 * KiB, 0);
    expect([pace.room, pace.wantsAnswer(16 * allowed)]).toEqual([0, true]);
    pace.left(0, 1);
    expect([pace.chunkBytes, pace.wantsAnswer(8 * allowed), pace.taken]).toEqual([allowed, false, 64 * KiB]);
    pace.connected(64 * KiB, null);
    expect(pace.chunkBytes).toBe(limits.chunkBytesSlow);
  });
});

interface Flight {
  /** How long the line takes for what may be sent at once, in ms. */
  readonly lineMs: number;
  readonly bytes: number;
  readonly chunkBytes: number;
}

/**
 * What is sent at once, each time behind the answers to what was sent before, with so many credits, over a line of this rate and round
 * trip. `isOneAnswer`: a server that was busy answers all of it together.
 */
function flights(
  pace: Pace,
  { bytesPerMs, roundTripMs, burstBytes = 0, isOneAnswer = false }: LineOfAnswers,
  credits = [3, 13, 43, 128],
): readonly Flight[] {
  let [now, freeAt, position] = [0, 0, 0];
  return credits.map((credit) => {
    const [from, chunkBytes, answers] = [position, pace.chunkBytes, [] as number[]];
    while (answers.length < credit && pace.chunkBytes <= pace.room) {
      const { chunkBytes: length } = pace;
      position += length;
      freeAt = Math.max(now, freeAt) + (position <= burstBytes ? 0 : length / bytesPerMs);
      pace.sent(position, length, now);
      answers.push(freeAt + roundTripMs);
    }
    const lineMs = freeAt - now;
    if (isOneAnswer) answers.fill(answers.at(-1) ?? now);
    for (const [index, at] of answers.entries()) {
      now = at;
      if (at !== answers[index + 1]) pace.left(answers.length - index - 1, at);
    }
    return { lineMs, bytes: position - from, chunkBytes };
  });
}

interface LineOfAnswers {
  readonly bytesPerMs: number;
  readonly roundTripMs: number;
  /** So much passes at once, before. */
  readonly burstBytes?: number;
  readonly isOneAnswer?: boolean;
}

describe("the beginning", () => {
  const fast = 400 * 1024;

  test.each([
    [100, false],
    [200, false],
    [100, true],
    [200, true],
  ])("fills a line of %p ms in the third round trip (one answer: %p)", (roundTripMs, isOneAnswer) => {
    const pace = new Pace();
    pace.allow(allowed);
    pace.connected(0, roundTripMs + 3);
    const [, , third] = flights(pace, { bytesPerMs: fast, roundTripMs, isOneAnswer });
    expect(third?.bytes).toBeGreaterThan(fast * roundTripMs);
    expect(third?.chunkBytes).toBe(allowed);
  });

  test("has no more than some two seconds' worth under way, in chunks of a second, whatever the line", () => {
    const line = fc.record({
      bytesPerMs: fc.integer({ min: 48, max: 20_000 }),
      roundTripMs: fc.integer({ min: 1, max: 600 }),
      isOneAnswer: fc.boolean(),
    });
    // The approval takes the server some time.
    const approvalMs = fc.integer({ min: 0, max: 20 });
    fc.assert(
      fc.property(line, approvalMs, (ofLine, ms) => {
        const pace = new Pace();
        pace.allow(allowed);
        pace.connected(0, ofLine.roundTripMs + ms);
        for (const { lineMs, chunkBytes } of flights(pace, ofLine)) {
          expect(lineMs).toBeLessThanOrEqual(2500 + ofLine.roundTripMs);
          expect(chunkBytes / ofLine.bytesPerMs).toBeLessThanOrEqual(1000);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("survives, in a line of 30 kbit/s, that it looked fast", () => {
    const pace = new Pace();
    pace.allow(allowed);
    pace.connected(0, 100);
    const shaped = { bytesPerMs: 30 / 8, roundTripMs: 100, burstBytes: 48 * KiB };
    const [, second, third] = flights(pace, shaped, [3, 1, 1]);
    expect(second?.chunkBytes).toBe(128 * KiB);
    expect(second?.lineMs).toBeLessThan(limits.silenceMs);
    expect(third?.chunkBytes).toBe(limits.chunkBytesSlow);
  });

  test("is careful where another connection ended before, and where nobody knows what an answer takes", () => {
    for (const again of [true, false]) {
      const pace = new Pace();
      pace.allow(allowed);
      pace.connected(0, again ? 103 : null);
      if (again) pace.connected(0, 103);
      const [, second] = flights(pace, { bytesPerMs: fast, roundTripMs: 100 });
      expect(second?.bytes).toBeLessThan(12 * 3 * limits.chunkBytesSlow);
    }
  });
});

describe("the first chunks of a connection", () => {
  test("are no longer than a server allows, also one whose chunks are tiny", () => {
    const pace = new Pace();
    pace.allow(64 * KiB);
    pace.connected(0, null);
    pace.allow(4 * KiB);
    expect(pace.chunkBytes).toBe(4 * KiB);
    pace.connected(0, null);
    expect(pace.chunkBytes).toBe(4 * KiB);
  });
});
