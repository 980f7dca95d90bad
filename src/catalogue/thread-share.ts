// How long a question may keep the one thread to itself: as long as everything else had it since the last question, so that who searches
// a million records beside a thousand uploads waits some turns of the loop, and not one for every few thousand records.

import type { Clock } from "../base/clock.ts";

// Where nothing else is to be done a turn of the loop costs little of that. And what is sent fast has more than so much under way: 16 MiB,
// at 500 MB/s.
const leastMs = 4;
const mostMs = 20;

export class ThreadShare {
  readonly #clock: Clock;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A question begins. What is returned says whether it has had its share. */
  begin(): () => boolean {
    const now = this.#clock.now();
    const until = now + Math.min(Math.max(now - this.#endedAt, leastMs), mostMs);
    return () => this.#clock.now() >= until;
  }

  end(): void {
    this.#endedAt = this.#clock.now();
  }
}
