// One timer that follows a moving target: machines move their `wakeAt` with every message, mostly to later, and
// setting a system timer each time would cost more than the message.

import type { CancelTimer, Clock } from "./clock.ts";

export class WakeTimer {
  readonly #clock: Clock;
  readonly #onWake: () => void;
  #armedAt: number | null = null;
  #cancel: CancelTimer = () => {};

  /** Calls `onWake` at or before each time that was asked for; early calls are spurious, and must do no harm. */
  constructor(clock: Clock, onWake: () => void) {
    this.#clock = clock;
    this.#onWake = onWake;
  }

  /** Makes sure of a call at `wakeAt` (monotonic ms); `null` needs none. */
  wakeAt(wakeAt: number | null): void {
    if (wakeAt === null || (this.#armedAt !== null && this.#armedAt <= wakeAt)) return;
    this.#cancel();
    this.#armedAt = wakeAt;
    this.#cancel = this.#clock.after(Math.max(0, wakeAt - this.#clock.now()), () => {
      this.#armedAt = null;
      this.#onWake();
    });
  }

  stop(): void {
    this.#cancel();
    this.#armedAt = null;
  }
}
