// So often may a user ask how the own uploads are: who asks more often waits for the answer, and nobody else notices.

import { type Clock, sleep } from "../base/clock.ts";
import { TokenBuckets } from "../base/token-buckets.ts";

// A thousand lines of a list at once, and beyond that some per cent of the thread's time, at a millisecond for the dearest answer.
const burst = 150;
const perSecond = 30;

export class StatusPace {
  readonly #clock: Clock;
  readonly #users = new TokenBuckets(perSecond, burst);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when `user` may have one more answer; rejects with the reason of `signal` when that aborts before. */
  async turn(user: string, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const waitMs = this.#users.of(user, now).take(1, now);
    if (waitMs > 0) await sleep(this.#clock, waitMs, signal);
  }
}
