// So many at once of what would be too much together; who comes when all places are taken waits for one.

export class Semaphore {
  #taken = 0;
  /** In their order. */
  readonly #waiting: (() => void)[] = [];

  /** Whether nobody has a place. */
  get isIdle(): boolean {
    return this.#taken === 0;
  }

  /** Resolves with a place, of which there are `max`. Rejects with the reason of `signal` when that aborts before. */
  async take(max: number, signal?: AbortSignal): Promise<void> {
    if (this.#taken < max) return void this.#taken++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => {
      const at = this.#waiting.indexOf(resolve);
      if (at >= 0) this.#waiting.splice(at, 1);
      reject(signal?.reason);
    };
    this.#waiting.push(resolve);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal?.aborted) giveUp();
      await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Gives a place back: whoever has waited longest has it next. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
