// What stays in sight is drawn on time: from when it begins, not twice as often where that is said twice, and never after the end.

import { expect, test } from "bun:test";
import { Redrawing } from "../../src/cli/redrawing.ts";
import { ManualClock } from "../support/manual-clock.ts";

function drawn(everyMs: number | null) {
  const clock = new ManualClock();
  const times: number[] = [];
  const startedAt = clock.now();
  const redrawing = new Redrawing({ clock, everyMs, draw: () => times.push(clock.now() - startedAt) });
  const pass = (durationMs: number): void => {
    for (let left = durationMs; left > 0; left -= 50) clock.advance(50);
  };
  return { redrawing, times, pass };
}

test("draws on time from when it begins, and between that when it is told to", () => {
  const { redrawing, times, pass } = drawn(100);
  pass(300);
  expect([redrawing.begin(), redrawing.begin()]).toEqual([true, false]);
  pass(250);
  redrawing.now();
  pass(50);
  expect(times).toEqual([400, 500, 550, 600]);
});

test("draws nothing after the end, also where that comes in the midst of drawing", () => {
  const { redrawing, times, pass } = drawn(100);
  redrawing.begin();
  pass(100);
  redrawing.end();
  redrawing.now();
  expect(redrawing.begin()).toBe(false);
  pass(500);
  expect(times).toEqual([100]);

  const clock = new ManualClock();
  let draws = 0;
  const ending: Redrawing = new Redrawing({
    clock,
    everyMs: 100,
    draw: () => {
      draws += 1;
      ending.end();
    },
  });
  ending.begin();
  clock.advance(100);
  clock.advance(100);
  expect(draws).toBe(1);
});

test("without an interval nothing is armed", () => {
  const { redrawing, times, pass } = drawn(null);
  expect(redrawing.begin()).toBe(false);
  pass(1000);
  expect(times).toEqual([]);
});
