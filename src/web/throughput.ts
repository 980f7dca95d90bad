// How fast bytes arrive, over the last seconds.

import type { Clock } from "../base/clock.ts";

const windowMs = 5_000;

export class Throughput {
  readonly #clock: Clock;
  readonly #beganAt: number;
  /** Bytes of each second of the window, the oldest first; the last one is not over yet. */
  #seconds: { at: number; bytes: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganAt = clock.now();
  }

  add(bytes: number): void {
    const at = Math.floor(this.#clock.now() / 1000) * 1000;
    const last = this.#seconds.at(-1);
    if (last?.at === at) last.bytes += bytes;
    else {
      this.#forget(at);
      this.#seconds.push({ at, bytes });
    }
  }

  get bytesPerSecond(): number {
    const now = this.#clock.now();
    this.#forget(now);
    const bytes = this.#seconds.reduce((sum, second) => sum + second.bytes, 0);
    return Math.round((bytes * 1000) / Math.max(1000, Math.min(windowMs, now - this.#beganAt)));
  }

  #forget(now: number): void {
    this.#seconds = this.#seconds.filter(({ at }) => at > now - windowMs);
  }
}
