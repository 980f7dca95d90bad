// Has what stays in sight drawn again and again, whether something happens in thousands or not at all. Used by both displays.

import type { CancelTimer, Clock } from "../base/clock.ts";

export interface RedrawingOptions {
  readonly clock: Clock;
  /** Milliseconds from one drawing to the next; `null`: nothing is drawn. */
  readonly everyMs: number | null;
  readonly draw: () => void;
}

export class Redrawing {
  readonly #options: RedrawingOptions;
  #cancel: CancelTimer | null = null;
  #hasEnded = false;

  constructor(options: RedrawingOptions) {
    this.#options = options;
  }

  /** Draws from now on, the first time after one interval. Returns whether it had not begun. */
  begin(): boolean {
    const { everyMs } = this.#options;
    if (everyMs === null || this.#hasEnded || this.#cancel !== null) return false;
    this.#arm(everyMs);
    return true;
  }

  #arm(everyMs: number): void {
    this.#cancel = this.#options.clock.after(everyMs, () => {
      this.now();
      if (!this.#hasEnded) this.#arm(everyMs);
    });
  }

  /** Draws at once, as well. */
  now(): void {
    if (!this.#hasEnded) this.#options.draw();
  }

  /** Nothing is drawn afterwards. */
  end(): void {
    this.#hasEnded = true;
    this.#cancel?.();
  }
}
