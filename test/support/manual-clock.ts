// A clock that stands still until a test moves it.

import type { CancelTimer, Clock } from "../../src/base/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + this.#now);
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((it) => it !== timer);
    };
  }

  /** Whether somebody waits for a time to come. */
  get isWaitedFor(): boolean {
    return this.#timers.length > 0;
  }

  /** Moves on by `durationMs`, calling what is due on the way, in order. */
  advance(durationMs: number): void {
    const end = this.#now + durationMs;
    for (;;) {
      const due = this.#timers.filter((it) => it.at <= end).sort((one, other) => one.at - other.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((it) => it !== due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = end;
  }
}
