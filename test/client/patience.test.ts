// What a client's patience decides, and how long its pauses are.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DyncError } from "../../src/base/error.ts";
import { Patience, type PatienceOptions, type Verdict } from "../../src/client/patience.ts";
import type { ServerMessage } from "../../src/protocol/wire/message.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const lost = new DyncError("unreachable", "The connection was lost");
const busy = new DyncError("not-ready", "Later");

function patience(change: Partial<PatienceOptions> = {}): Patience {
  return new Patience({ retryForMs: dayMs, retryFirst: true, random: () => 0.5, ...change }, 0);
}

/** How long it pauses. */
function pauseOf(verdict: Verdict | null): number {
  if (verdict?.type !== "pause") throw new Error(`It decided: ${JSON.stringify(verdict)}`);
  return verdict.pauseMs;
}

function report(seek: number): { readonly type: "message"; readonly message: ServerMessage } {
  return { type: "message", message: { type: "status-report", seek, credit: 0 } };
}

describe("pauses", () => {
  test("a network that is back within minutes is noticed within two seconds", () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(random, fc.array(fc.nat(5 * minuteMs - 1), { maxLength: 50 }), (number, times) => {
        const it = patience({ random: () => number });
        for (const now of times.sort((a, b) => a - b)) {
          const pause = pauseOf(it.broken(lost, now));
          expect(pause).toBeGreaterThan(0);
          expect(pause).toBeLessThan(2000);
        }
      }),
    );
  });

  test("the first try again comes almost at once, also after each time that the connection worked", () => {
    const it = patience();
    expect([0, 100].map((now) => pauseOf(it.broken(lost, now)))).toEqual([100, 500]);
    it.up();
    expect(pauseOf(it.broken(lost, 0))).toBe(100);
  });

  test("after a long outage they grow with it, up to half a minute", () => {
    const it = patience({ retryForMs: 2 * dayMs });
    it.broken(lost, 0);
    const minutes = [5, 6, 7, 8, 9, 10, 60, 1440];
    const pauses = minutes.map((minute) => pauseOf(it.broken(lost, minute * minuteMs)));
    expect(pauses).toEqual([500, 6500, 12_500, 18_500, 24_500, 30_000, 30_000, 30_000]);
  });

  test("a server that says later is asked at growing intervals, until it says something else", () => {
    const it = patience();
    const pauses = Array.from({ length: 7 }, () => pauseOf(it.later(busy, 0)));
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    // That the connection works again is no reason to hurry: the server is there, and busy.
    it.up();
    expect(pauseOf(it.later(busy, 0))).toBe(30_000);
    it.letIn();
    expect(pauseOf(it.later(busy, 0))).toBe(1000);
  });

  test("a hundred clients that lost one server do not come back in the same instant", () => {
    const pauses = Array.from({ length: 100 }, (_, index) => {
      const it = patience({ random: () => index / 100 });
      it.broken(lost, 0);
      return pauseOf(it.broken(lost, 1000));
    });
    expect(new Set(pauses).size).toBe(100);
    expect(Math.max(...pauses) - Math.min(...pauses)).toBeGreaterThan(225);
  });
});

describe("the end", () => {
  test("comes where the next try would be too late, with the last error", () => {
    const it = patience({ retryForMs: minuteMs });
    expect(it.broken(lost, minuteMs - 100)).toMatchObject({ type: "pause" });
    expect(it.broken(lost, minuteMs - 100)).toEqual({ type: "give-up", error: lost });
  });

  test("counts from when a byte was sent for the first time, or reported for the first time", () => {
    const it = patience({ retryForMs: minuteMs });
    expect(it.sends({ end: 10, length: 10, isLast: false }, minuteMs)).toBeNull();
    expect(it.heard(report(10), false, 2 * minuteMs)).toBeNull();
    expect(it.broken(lost, 3 * minuteMs - 200)).toMatchObject({ type: "pause" });
    expect(it.heard(report(10), false, 3 * minuteMs + 1)).toMatchObject({
      type: "give-up",
      error: { code: "timed-out", message: "The server answers, but has taken nothing more for 60 s" },
    });
  });

  test("does not come from what the server says unasked, nor while the source owes a chunk", () => {
    const it = patience({ retryForMs: minuteMs });
    const credit = { type: "message", message: { type: "transfer-credit", amount: 0 } } as const;
    expect(it.heard(credit, false, 2 * minuteMs)).toBeNull();
    it.up();
    it.awaitsSource(true, 2 * minuteMs);
    expect(it.heard(report(0), false, 9 * minuteMs)).toBeNull();
    it.awaitsSource(false, 9 * minuteMs);
    expect(it.heard(report(0), false, 11 * minuteMs)).toMatchObject({ type: "give-up" });
  });

  test("comes at once where the key is refused, or nobody was ever reached and nobody shall be waited for", () => {
    expect(patience().down("key-refused", lost, 0)).toEqual({ type: "give-up", error: lost });
    const it = patience({ retryFirst: false });
    expect(it.down("refused", lost, 0)).toEqual({ type: "give-up", error: lost });
    it.up();
    expect(it.down("refused", lost, 0)).toMatchObject({ type: "pause", error: lost });
  });
});

describe("what is sent again", () => {
  const chunk = { end: 10, length: 10, isLast: false };
  const last = { end: 10, length: 0, isLast: true };

  test("is a whole small file some times, and then less and less often", () => {
    const it = patience();
    const pauses: number[] = [];
    let sent = 0;
    for (let round = 0; round < 40; round++) {
      const verdict = it.sends(chunk, 0);
      if (verdict === null) sent++;
      else pauses.push(pauseOf(verdict));
    }
    expect(pauses.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
    expect(sent).toBeGreaterThan(20);
    expect(sent).toBeLessThan(35);
  });

  test("is put off for the reason that the server gave, if it gave one", () => {
    const it = patience();
    it.later(busy, 0);
    it.sends(chunk, 0);
    it.sends(last, 0);
    let verdict: Verdict | null = null;
    while (verdict === null) verdict = it.sends(last, 0);
    expect(verdict.error).toBe(busy);
  });
});

describe("nonsense is doubted", () => {
  const nonsense = { type: "malformed", text: "Unknown command" } as const;
  const heard = (it: Patience): boolean => it.heard(nonsense, true, 0) === null;

  test("once before anything was sent", () => {
    const it = patience();
    expect([heard(it), heard(it)]).toEqual([false, true]);
  });

  test("three times in a row afterwards", () => {
    const it = patience();
    for (const end of [10, 20]) {
      it.sends({ end, length: 10, isLast: false }, 0);
      expect([1, 2, 3].map(() => heard(it))).toEqual([false, false, false]);
    }
    expect(heard(it)).toBe(true);
  });
});
