// A pause between two looks that something may end early.

import { type Clock, sleep } from "../base/clock.ts";

/** Ends a pause early. */
export class Hurry {
  isAsked = false;
  #wake: (() => void) | null = null;

  now(): void {
    this.isAsked = true;
    this.#wake?.();
  }

  done(): void {
    this.isAsked = false;
  }

  /** Sleeps until the time is there, or something hurries, though not before `hurriedFrom`. */
  async sleep(
    clock: Clock,
    { until, hurriedFrom }: { readonly until: number; readonly hurriedFrom: number },
    signal: AbortSignal,
  ): Promise<void> {
    while (clock.now() < until && !(this.isAsked && clock.now() >= hurriedFrom)) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const end = this.isAsked ? Math.min(until, hurriedFrom) : until;
      try {
        await sleep(clock, end - clock.now(), AbortSignal.any([signal, woken.signal]));
      } catch (error) {
        if (signal.aborted) throw error;
      } finally {
        this.#wake = null;
      }
    }
  }
}
