// Whether the calendar jumped. Nothing that is measured depends on it; it is said, since the times in a log would be nobody's else.

import { CalendarShift } from "../base/calendar-shift.ts";
import type { Clock } from "../base/clock.ts";

// What a clock that is kept in step is moved by is less.
const jumpMsMin = 60_000;

export class ClockJumps {
  readonly #shift: CalendarShift;
  readonly #onJump: (byMs: number) => void;

  /** `onJump` is told by how much, as `CalendarShift.look`. */
  constructor(clock: Clock, onJump: (byMs: number) => void) {
    this.#shift = new CalendarShift(clock);
    this.#onJump = onJump;
  }

  look(): void {
    const byMs = this.#shift.look();
    if (Math.abs(byMs) >= jumpMsMin) this.#onJump(byMs);
  }
}
