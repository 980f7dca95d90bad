// How fast all uploads of a command may send together. One that has a chunk ready asks whether it may go; where not, it
// waits in line, and is called when its turn has come: so they take turns chunk by chunk. What is not a chunk (questions,
// answers, what keeps a connection alive) is never asked about.
//
// A chunk may go while nothing is owed, and is paid for afterwards: the rate holds over any time but for one chunk and what
// the bucket holds. Both are a small part of a second, so that ten seconds hold within a few per cent.

import type { CancelTimer, Clock } from "../base/clock.ts";
import { TokenBucket } from "../base/token-bucket.ts";

export interface SendBudgetOptions {
  readonly clock: Clock;
  /** Bytes a second that may be sent now, `null` for any; asked for each chunk. */
  readonly rate: () => number | null;
}

// What a timer comes late by is made up for up to this.
const burstMs = 200;
// So long a chunk lasts at most.
const chunkMs = 100;
const chunkBytesMin = 512;
// The rate may be another one by then.
const lookAgainMs = 500;

export class SendBudget {
  readonly #clock: Clock;
  readonly #rate: () => number | null;
  /** In the order of their turns. */
  readonly #waiting = new Set<() => void>();
  #served: (() => void) | null = null;
  #known: number | null = null;
  #bucket: TokenBucket | null = null;
  #paidAt = Number.NEGATIVE_INFINITY;
  #cancel: CancelTimer | null = null;

  constructor({ clock, rate }: SendBudgetOptions) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Most bytes of a chunk: a power of two, so that a rate that changes a little does not change it. */
  get chunkBytesMax(): number {
    const rate = this.#follow();
    if (rate === null) return Number.POSITIVE_INFINITY;
    return Math.max(chunkBytesMin, 2 ** Math.floor(Math.log2((rate * chunkMs) / 1000)));
  }

  /** Whether a chunk may be sent now. Else `wake` is called when it is worth asking again. */
  admits(wake: () => void): boolean {
    const isTurn = this.#served === wake || (this.#served === null && this.#waiting.size === 0);
    if (this.#follow() === null || (isTurn && this.#isPaid)) return true;
    this.#waiting.add(wake);
    this.#arm();
    return false;
  }

  /** A chunk of `bytes` was sent. */
  sent(bytes: number): void {
    this.#follow();
    const now = this.#clock.now();
    const waitMs = this.#bucket?.take(bytes, now) ?? 0;
    this.#paidAt = now + waitMs;
  }

  /** Who waits with `wake` waits no more. */
  leave(wake: () => void): void {
    this.#waiting.delete(wake);
    if (this.#waiting.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  get #isPaid(): boolean {
    return this.#clock.now() >= this.#paidAt;
  }

  #follow(): number | null {
    const rate = this.#rate();
    if (rate === this.#known) return rate;
    this.#known = rate;
    this.#bucket = rate === null ? null : new TokenBucket(rate, (rate * burstMs) / 1000);
    this.#paidAt = Number.NEGATIVE_INFINITY;
    return rate;
  }

  #arm(): void {
    if (this.#cancel !== null || this.#served !== null) return;
    const delayMs = Math.min(lookAgainMs, Math.max(0, this.#paidAt - this.#clock.now()));
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = null;
      this.#serve();
    });
  }

  #serve(): void {
    const isAny = this.#follow() === null;
    // Those who wait again meanwhile are behind the others; without a limit nobody does.
    for (const wake of this.#waiting) {
      if (!isAny && !this.#isPaid) break;
      this.#waiting.delete(wake);
      this.#served = wake;
      wake();
    }
    this.#served = null;
    if (this.#waiting.size > 0) this.#arm();
  }
}
