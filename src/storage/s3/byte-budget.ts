// Memory for bytes that are taken and not stored, of all uploads together: who comes when there is none waits, in order.

interface Waiter {
  readonly bytes: number;
  readonly go: () => void;
}

export class ByteBudget {
  readonly max: number;
  readonly #onShort: () => void;
  readonly #onSpent: (bytes: number) => void;
  readonly #waiting: Waiter[] = [];
  #used = 0;

  /** `onShort` hears that somebody waits, and `onSpent` of how many nobody needs any more. */
  constructor(max: number, onShort: () => void, onSpent: (bytes: number) => void) {
    this.max = max;
    this.#onShort = onShort;
    this.#onSpent = onSpent;
  }

  get used(): number {
    return this.#used;
  }

  get isShort(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when so many are taken. Rejects with the reason of `signal` when that aborts before. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { bytes, go: resolve };
    const giveUp = (): void => {
      const at = this.#waiting.indexOf(waiter);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      reject(signal.reason);
      this.#serve();
    };
    this.#waiting.push(waiter);
    signal.addEventListener("abort", giveUp, { once: true });
    this.#onShort();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
    this.#onSpent(bytes);
    this.#serve();
  }

  // What is larger than all of it has all of it.
  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.max || this.#used === 0;
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.go();
    }
  }
}
