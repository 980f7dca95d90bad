// Whether the calendar went on otherwise than time did: a clock that was set, or a computer that slept.

import type { Clock } from "./clock.ts";

export class CalendarShift {
  readonly #clock: Pick<Clock, "date" | "now">;
  #offset: number;

  constructor(clock: Pick<Clock, "date" | "now">) {
    this.#clock = clock;
    this.#offset = this.#offsetNow;
  }

  get #offsetNow(): number {
    return this.#clock.date().getTime() - this.#clock.now();
  }

  /** By how much the calendar is ahead of what passed since the last look, in ms; it may be less than nothing. */
  look(): number {
    const offset = this.#offsetNow;
    const byMs = offset - this.#offset;
    this.#offset = offset;
    return byMs;
  }
}
