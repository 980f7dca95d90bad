// Sleeping on a clock, and the system's clock.

import { describe, expect, test } from "bun:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";

describe("a sleep", () => {
  test("lasts as long as it should, by its clock", async () => {
    const clock = new ManualClock();
    let isOver = false;
    const slept = sleep(clock, 100).then(() => {
      isOver = true;
    });
    clock.advance(99);
    await Promise.resolve();
    expect(isOver).toBe(false);
    clock.advance(1);
    await slept;
  });

  test("ends with the signal's reason as soon as it aborts", async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const slept = sleep(clock, 100, stop.signal);
    stop.abort(new Error("enough"));
    expect(slept).rejects.toThrow("enough");
    await slept.catch(() => {});
    clock.advance(1000);
  });

  test("does not begin when the signal was aborted before", async () => {
    expect(sleep(new ManualClock(), 0, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });

  test("takes no notice of an abort after its end", async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const slept = sleep(clock, 10, stop.signal);
    clock.advance(10);
    stop.abort(new Error("late"));
    await slept;
  });
});

describe("the system's clock", () => {
  test("goes forward, and calls back after the delay", async () => {
    const before = systemClock.now();
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(4);
  });

  test("does not call at once for a delay that no timer holds", async () => {
    let calls = 0;
    const cancel = systemClock.after(10 * 365 * 86_400_000, () => calls++);
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    cancel();
    cancel();
    expect(calls).toBe(0);
  });

  test("a timer that was cancelled does not call", async () => {
    let calls = 0;
    systemClock.after(0, () => calls++)();
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    expect(calls).toBe(0);
  });
});
