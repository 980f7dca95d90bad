// What charts show: samples that do not grow in number, over pauses, restarts and clocks that are set; and the forecast.

import { describe, expect, test } from "bun:test";
import { fullInMs, History, type Sample, spans } from "../../src/server/history.ts";
import { ManualClock } from "../support/manual-clock.ts";

const hourMs = 3_600_000;
const look = (free: number | null = 50) => ({ freeBytes: async () => free, memoryBytes: () => 7 });

/** Looks every ten seconds for so long. */
async function pass(history: History, clock: ManualClock, durationMs: number, bytes = 1): Promise<void> {
  for (let done = 0; done < durationMs; done += 10_000) {
    clock.advance(10_000);
    history.stored(bytes);
    await history.look(look());
  }
}

describe("samples", () => {
  test("are sums of what came, and how it was", async () => {
    const clock = new ManualClock();
    const history = new History(clock);
    await pass(history, clock, hourMs);
    history.published();
    await history.look(look(null));
    const { samples } = history.of("hour");
    expect(samples.at(-2)).toEqual({ bytes: 1, uploads: 0, memory: 7, free: 50 });
    expect(samples.at(-1)).toEqual({ bytes: 1, uploads: 1, memory: 7, free: null });
    const sum = (span: "hour" | "day" | "month") =>
      history.of(span).samples.reduce((all, it) => all + (it?.bytes ?? 0), 0);
    expect([sum("hour"), sum("day"), sum("month")]).toEqual([360, 360, 360]);
  });

  test("do not grow in number over two months", async () => {
    const clock = new ManualClock();
    const history = new History(clock);
    for (let hour = 0; hour < 24 * 62; hour++) {
      clock.advance(hourMs);
      await history.look(look());
    }
    for (const span of ["hour", "day", "month"] as const)
      expect(history.of(span).samples.length).toBe(spans[span].steps);
  });

  test("of a server that did not run are none, and what was before is kept over a restart", async () => {
    const clock = new ManualClock();
    const first = new History(clock);
    await pass(first, clock, 60_000);
    clock.advance(60_000);
    const second = new History(clock, JSON.parse(JSON.stringify(first.written())));
    second.stored(9);
    await second.look(look());
    const { samples } = second.of("hour");
    expect(samples.slice(-6)).toEqual([
      null,
      null,
      null,
      null,
      null,
      { bytes: 9, uploads: 0, memory: 7, free: 50 },
    ]);
    expect(samples.filter((it) => it?.bytes === 1).length).toBe(6);
  });

  test("stay when the calendar is set back by a year", async () => {
    const clock = new ManualClock();
    let offset = 0;
    const shifted = { ...clock, date: () => new Date(clock.date().getTime() + offset) };
    const history = new History(shifted as ManualClock);
    await pass(history, clock, 60_000);
    offset = -365 * 24 * hourMs;
    const before = history.of("hour").samples.length;
    await pass(history, clock, 60_000);
    expect(history.of("hour").samples.length).toBe(before);
  });
});

describe("the disk is full", () => {
  const falling = (from: number, by: number, count = 60): readonly Sample[] =>
    Array.from({ length: count }, (_, index) => ({
      bytes: 0,
      uploads: 0,
      memory: 0,
      free: from - by * index,
    }));

  test("when what is free comes to an end at this rate", () => {
    expect(fullInMs(falling(1000, 10), 1000)).toBeCloseTo(41_000, -1);
  });

  test("never, where it grows, stays, or hardly changes, or is not known", () => {
    expect(fullInMs(falling(1000, -10), 1000)).toBeNull();
    expect(fullInMs(falling(1000, 0), 1000)).toBeNull();
    expect(fullInMs(falling(1_000_000, 1), 1000)).toBeNull();
    expect(fullInMs(falling(1000, 10, 14), 1000)).toBeNull();
    expect(
      fullInMs(
        Array.from({ length: 60 }, () => null),
        1000,
      ),
    ).toBeNull();
  });
});
