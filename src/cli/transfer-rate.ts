// How fast an upload is and when it will be done, from what was sent within the last seconds.

interface Sample {
  readonly at: number;
  readonly sent: number;
}

// Long enough that credit, which comes in bursts, does not make the number dance; short enough to show a stall.
const windowMs = 5000;
// Below this the first numbers mean nothing.
const measurableMs = 500;

/** Rate over a sliding window. Times are monotonic milliseconds. */
export class TransferRate {
  #samples: Sample[] = [];

  /** `sent` bytes are out at `now`. A number that is smaller than the last one starts anew: bytes are sent again. */
  add(sent: number, now: number): void {
    if (sent < (this.#samples.at(-1)?.sent ?? 0)) this.#samples = [];
    // At most some 10 samples a second are kept, however often we are called.
    if (now - (this.#samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY) < 100 && this.#samples.length > 1) {
      this.#samples.pop();
    }
    this.#samples.push({ at: now, sent });
    // One sample older than the window stays, so that the window is covered.
    while (this.#samples.length > 2 && this.#samples[1]!.at <= now - windowMs) this.#samples.shift();
  }

  /** Forgets everything: the next number is a new beginning. */
  restart(): void {
    this.#samples = [];
  }

  /** Bytes per second, or `null` when it is too early to say. */
  bytesPerSecond(now: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || now - first.at < measurableMs) return null;
    return ((last.sent - first.sent) * 1000) / (now - first.at);
  }

  /** Milliseconds until `total` bytes are sent, or `null` when nobody can say. */
  remainingMs(total: number | null, now: number): number | null {
    const rate = this.bytesPerSecond(now);
    const sent = this.#samples.at(-1)?.sent ?? 0;
    if (total === null || rate === null || rate <= 0) return null;
    return ((total - sent) * 1000) / rate;
  }
}
