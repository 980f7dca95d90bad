// What there is to say of one upload at any moment: how far it is, how fast, why it waits. Used by both displays.

import { printable } from "./printable.ts";
import type { ProgressNumbers } from "./progress-line.ts";
import { TransferRate } from "./transfer-rate.ts";

export interface ProgressState {
  /** Bytes that the server has, from the beginning of the file. */
  readonly taken: number;
  /** Bytes after those that are on their way. */
  readonly underWay: number;
  /** Nothing is being sent yet (again): the position may jump to what the server has, which says nothing about speed. */
  readonly isStill?: boolean;
  /** Bytes in all, or `null` for a stream. */
  readonly total: number | null;
  /** Why nothing moves, for example "waiting for the server", or `null`. */
  readonly waiting: string | null;
  /** With `waiting`: one word for programs, and how many uploads the server serves first, where it says so. */
  readonly reason?: string | null;
  readonly ahead?: number | null;
  /** With `waiting`: the server said that it lets this one wait. */
  readonly isHeld?: boolean;
  /** With `waiting`: when the next try is due, in the clock's milliseconds; shown as a countdown. */
  readonly nextTryAt?: number | null;
}

// Credit that is spent and granted again within a moment is no wait: showing it would make the line flicker.
const waitShownAfterMs = 1_000;

/** Follows one upload. Times are monotonic milliseconds. */
export class ProgressMeter {
  readonly #name: string;
  readonly #rate = new TransferRate();
  #state: ProgressState | null = null;
  #waitingSince = 0;

  constructor(name: string) {
    this.#name = name;
  }

  update(state: ProgressState, now: number): void {
    const isWaitOver = state.waiting === null && this.#isWaitShown(now);
    if (state.isStill || this.#state?.isStill || isWaitOver) this.#rate.restart();
    this.#rate.add(state.taken, now);
    // Another reason is no new wait: a place in a queue changes every moment.
    if (this.#state === null || this.#state.waiting === null) this.#waitingSince = now;
    this.#state = state;
  }

  /** What is known at `now`, `null` before the first update. */
  numbers(now: number): ProgressNumbers | null {
    if (this.#state === null) return null;
    const { taken, underWay, total, nextTryAt } = this.#state;
    const isShown = this.#isWaitShown(now);
    const waiting = isShown ? this.#state.waiting : null;
    return {
      name: printable(this.#name),
      taken,
      underWay,
      total,
      waiting: waiting === null ? null : printable(waiting),
      reason: isShown ? (this.#state.reason ?? null) : null,
      ahead: isShown ? (this.#state.ahead ?? null) : null,
      isHeld: isShown && this.#state.isHeld === true,
      nextTryMs: nextTryAt == null ? null : Math.max(0, nextTryAt - now),
      bytesPerSecond: this.#rate.bytesPerSecond(now),
      remainingMs: this.#rate.remainingMs(total, now),
    };
  }

  #isWaitShown(now: number): boolean {
    if (this.#state === null || this.#state.waiting === null) return false;
    return this.#state.nextTryAt != null || now - this.#waitingSince >= waitShownAfterMs;
  }
}
