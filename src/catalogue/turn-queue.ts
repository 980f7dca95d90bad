// Calls that come close to each other, done together: what costs a sync of the disk is paid once for all uploads that wait.
//
// On the thread that asks, as measured with 16 in flight (two cores): a commit of 16 calls takes 0.36 ms on ext4, that is 0.02 ms
// for each (0.21 ms where each has its own), of it 0.01 ms of processor time; a message to another thread and back takes
// 0.045 ms and 0.032 ms of processor time, and would have to carry every record and its metadata.

interface Call {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls `flush` when those calls are there that shall be done together; the first of them `isChange`. */
export type Soon = (flush: () => boolean, isChange: boolean) => void;

export class TurnQueue {
  /** Runs what it is given in one transaction, all or nothing. */
  readonly #transaction: (work: () => void) => void;
  readonly #soon: Soon;
  #calls: Call[] = [];
  #hasChanges = false;

  constructor(transaction: (work: () => void) => void, soon: Soon) {
    this.#transaction = transaction;
    this.#soon = soon;
  }

  /** Runs `run` after what was asked for before; resolves when what it changed is durable. */
  add<Result>(run: () => Result, isChange: boolean): Promise<Result> {
    if (this.#calls.length === 0) this.#soon(() => this.flush(), isChange);
    this.#hasChanges ||= isChange;
    return new Promise<Result>((resolve, reject) => {
      this.#calls.push({ run, resolve, reject });
    });
  }

  /** Does what waits. Returns whether that changed anything. */
  flush(): boolean {
    const [calls, hasChanges] = [this.#calls, this.#hasChanges];
    this.#calls = [];
    this.#hasChanges = false;
    if (!hasChanges) for (const call of calls) this.#alone(call);
    else this.#together(calls);
    return hasChanges;
  }

  #together(calls: readonly Call[]): void {
    const results: unknown[] = [];
    try {
      this.#transaction(() => {
        for (const { run } of calls) results.push(run());
      });
    } catch (error) {
      // One must not take the others with it.
      if (calls.length === 1) return calls[0]?.reject(error);
      for (const call of calls) this.#together([call]);
      return;
    }
    for (const [index, { resolve }] of calls.entries()) resolve(results[index] as never);
  }

  #alone({ run, resolve, reject }: Call): void {
    try {
      resolve(run() as never);
    } catch (error) {
      reject(error);
    }
  }
}
