// How long to wait so that, over time, no more than a rate is used. Knows no clock: who asks says what time it is.

export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #level: number;
  #at: number | null = null;

  /** Gives `perSecond` tokens a second (more than 0), and holds `burst` of them. It begins full. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#level = burst;
  }

  /**
   * Takes `amount` at `now` (monotonic ms), and returns in how many ms that is paid: 0 at once. More than the bucket holds is paid
   * off afterwards.
   */
  take(amount: number, now: number): number {
    this.#fill(now);
    this.#level -= amount;
    return this.#level >= 0 ? 0 : (-this.#level * 1000) / this.#perSecond;
  }

  /** Takes `amount` at `now` where that much is in it. Returns whether it was. */
  tryTake(amount: number, now: number): boolean {
    this.#fill(now);
    if (this.#level < amount) return false;
    this.#level -= amount;
    return true;
  }

  /** Whether it is, at `now`, as a new one is. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#level === this.#burst;
  }

  #fill(now: number): void {
    const elapsedMs = this.#at === null ? 0 : Math.max(0, now - this.#at);
    this.#at = now;
    this.#level = Math.min(this.#burst, this.#level + (elapsedMs * this.#perSecond) / 1000);
  }
}
