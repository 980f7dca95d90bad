// Whether the calendar went on otherwise than time did: a clock that was set, or a computer that slept. Nothing that is measured depends
// on it; it is said, since the times in a log would be nobody's else.

import type { Clock } from "../base/clock.ts";

// What a clock that is kept in step is moved by is less.
const jumpMsMin = 60_000;

export class ClockJumps {
  readonly #clock: Clock;
  readonly #onJump: (byMs: number) => void;
  #offset: number;

  /** `onJump` is told by how much the calendar is ahead of what passed since the last look, in ms; it may be less than nothing. */
  constructor(clock: Clock, onJump: (byMs: number) => void) {
    this.#clock = clock;
    this.#onJump = onJump;
    this.#offset = this.#offsetNow;
  }

  get #offsetNow(): number {
    return this.#clock.date().getTime() - this.#clock.now();
  }

  look(): void {
    const offset = this.#offsetNow;
    const byMs = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(byMs) >= jumpMsMin) this.#onJump(byMs);
  }
}
