// The timer that follows a moving target.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { WakeTimer } from "../../src/base/wake-timer.ts";
import { ManualClock } from "../support/manual-clock.ts";

function timer() {
  const clock = new ManualClock();
  const wakes: number[] = [];
  return { clock, wakes, timer: new WakeTimer(clock, () => wakes.push(clock.now())) };
}

test("it calls at the time that was asked for, once", () => {
  const { clock, wakes, timer: wake } = timer();
  wake.wakeAt(100);
  clock.advance(1000);
  expect(wakes).toEqual([100]);
});

test("a time that moved to earlier is kept", () => {
  const { clock, wakes, timer: wake } = timer();
  wake.wakeAt(100);
  wake.wakeAt(50);
  clock.advance(1000);
  expect(wakes).toEqual([50]);
});

test("a time that is past means at once, but not within the call", () => {
  const { clock, wakes, timer: wake } = timer();
  clock.advance(100);
  wake.wakeAt(20);
  expect(wakes).toEqual([]);
  clock.advance(0);
  expect(wakes).toEqual([100]);
});

test("null asks for nothing, and takes nothing back", () => {
  const { clock, wakes, timer: wake } = timer();
  wake.wakeAt(null);
  clock.advance(10);
  expect(wakes).toEqual([]);
  wake.wakeAt(20);
  wake.wakeAt(null);
  clock.advance(10);
  expect(wakes).toEqual([20]);
});

test("after a stop nothing is called until something is asked for again", () => {
  const { clock, wakes, timer: wake } = timer();
  wake.wakeAt(10);
  wake.stop();
  clock.advance(100);
  expect(wakes).toEqual([]);
  wake.wakeAt(150);
  clock.advance(100);
  expect(wakes).toEqual([150]);
});

test("whoever asks again at each call is called at or before every time asked for, never after it", () => {
  const move = fc.record({ pause: fc.nat(50), ahead: fc.nat(200) });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
      const clock = new ManualClock();
      let target: number | null = null;
      let missed = 0;
      const wake: WakeTimer = new WakeTimer(clock, () => {
        if (target !== null && clock.now() >= target) {
          if (clock.now() > target) missed++;
          target = null;
        }
        wake.wakeAt(target);
      });
      for (const { pause, ahead } of moves) {
        target = clock.now() + ahead;
        wake.wakeAt(target);
        clock.advance(pause);
      }
      clock.advance(1000);
      expect({ target, missed }).toEqual({ target: null, missed: 0 });
    }),
  );
});
