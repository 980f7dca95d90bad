// So often may a user ask how the own uploads are: who asks more often waits for the answer, and nobody else notices.

import { type Clock, sleep } from "../base/clock.ts";
import { TokenBucket } from "../base/token-bucket.ts";

// A thousand lines of a list at once, and beyond that some per cent of the thread's time, at a millisecond for the dearest answer.
const burst = 150;
const perSecond = 30;
// A bucket that nobody asked for so long is full.
const fullMs = (1000 * burst) / perSecond;

export class StatusPace {
  readonly #clock: Clock;
  /** Of users who asked lately, the one who asked last at the end. */
  readonly #users = new Map<string, { readonly bucket: TokenBucket; askedAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when `user` may have one more answer; rejects with the reason of `signal` when that aborts before. */
  async turn(user: string, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const { bucket } = this.#users.get(user) ?? { bucket: new TokenBucket(perSecond, burst) };
    this.#users.delete(user);
    for (const [other, { askedAt }] of this.#users) {
      if (now - askedAt < fullMs) break;
      this.#users.delete(other);
    }
    const waitMs = bucket.take(1, now);
    this.#users.set(user, { bucket, askedAt: now + waitMs });
    if (waitMs > 0) await sleep(this.#clock, waitMs, signal);
  }
}
