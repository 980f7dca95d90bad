// Entries that are to be sent, in the order in which they became complete. One side puts in what looks find, the other one takes it out as
// places become free; both hear when there is nothing more.

export class ReadyQueue<T> {
  #items: T[] = [];
  #waiters: (() => void)[] = [];
  #isClosed = false;

  get length(): number {
    return this.#items.length;
  }

  push(items: readonly T[]): void {
    this.#items.push(...items);
    if (items.length > 0) this.wake();
  }

  take(): T | undefined {
    return this.#items.shift();
  }

  /** Nothing more comes: who waits goes on. */
  close(): void {
    this.#isClosed = true;
    this.wake();
  }

  /** Those who wait look again whether they still have to. */
  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when something was put in, it was closed, or somebody called `wake`. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}
