// Whether the next file operation waits in place or goes to the runtime's thread pool. What is in the system's
// memory is copied in a tenth of a millisecond; handing that to another thread and back costs more than twice the
// processor time, and leaves the bytes in the wrong cache. What waits for a disk or a network must not hold
// everybody else up. Which it is shows in how long the last one took.

import type { Clock } from "./clock.ts";

// Far above a copy of a megabyte in memory, far below what somebody would notice.
const slowMsDefault = 10;
// After a slow one some go to the pool before the next try in place: few at first, since a fast medium, too, is slow
// now and then, and twice as many whenever that try is slow again.
const poolRunMin = 2;
const poolRunMaxDefault = 128;

/** What counts as slow, and how many go to the pool between two tries in place at most. */
export interface IoPaceBounds {
  readonly slowMs: number;
  readonly poolRunMax: number;
}

let isFarAway = false;

/**
 * From now on nothing waits in place in this process: what is asked of another machine takes its way there and back each time, and
 * without end while that machine is away.
 */
export function neverInPlace(): void {
  isFarAway = true;
}

export class IoPace {
  readonly #clock: Clock;
  readonly #bounds: IoPaceBounds;
  #pooled = 0;
  #poolRun = poolRunMin;

  constructor(clock: Clock, bounds: IoPaceBounds = { slowMs: slowMsDefault, poolRunMax: poolRunMaxDefault }) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** Whether the medium was found slow: what comes next goes to the pool. */
  get isSlow(): boolean {
    return isFarAway || this.#pooled > 0;
  }

  /** Runs `inPlace`, or, while the medium was found slow, `pooled`. */
  run<T>(inPlace: () => T, pooled: () => Promise<T>): T | Promise<T> {
    if (isFarAway) return pooled();
    if (this.#pooled > 0) {
      this.#pooled--;
      return pooled();
    }
    const startedAt = this.#clock.now();
    try {
      return inPlace();
    } finally {
      if (this.#clock.now() - startedAt > this.#bounds.slowMs) {
        this.#pooled = this.#poolRun;
        this.#poolRun = Math.min(this.#bounds.poolRunMax, 2 * this.#poolRun);
      } else this.#poolRun = poolRunMin;
    }
  }
}
