// Long work on the one thread: lets everything else have its turn in between.

import { setImmediate } from "node:timers/promises";

export class Turns {
  readonly #stepsPerTurn: number;
  readonly #signal: AbortSignal;
  #steps = 0;

  /** `stepsPerTurn` steps are done before others get their turn; none is when `signal` aborts. */
  constructor(stepsPerTurn: number, signal: AbortSignal) {
    this.#stepsPerTurn = stepsPerTurn;
    this.#signal = signal;
  }

  /** To be awaited after each step. Throws the signal's reason when the work shall end. */
  async step(): Promise<void> {
    this.#signal.throwIfAborted();
    this.#steps++;
    if (this.#steps % this.#stepsPerTurn !== 0) return;
    await setImmediate(undefined, { signal: this.#signal }).catch((error: unknown) => {
      this.#signal.throwIfAborted();
      throw error;
    });
  }
}
