// Questions that one thread asks another, and their answers.

import { hear, type Result, tell } from "./said.ts";

export class Calls {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;
  #closed: Error | null = null;

  /** Asks by `post`, which is given the number of the call. Rejects with what is answered, or with the reason of `close`. */
  ask(post: (call: number) => void): Promise<unknown> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const call = ++this.#last;
    const promised = Promise.withResolvers<unknown>();
    this.#waiting.set(call, promised);
    post(call);
    return promised.promise;
  }

  /** Takes the answer to `call`. Returns whether one was awaited. */
  answered(call: number, result: Result): boolean {
    const promised = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (promised === undefined) return false;
    if (result.ok) promised.resolve(result.value);
    else promised.reject(hear(result.error));
    return true;
  }

  /** Nobody answers any more. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

/** What `work` comes to, as it can be told. Never rejects. */
export async function resultOf(work: () => Promise<unknown>): Promise<Result> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error: tell(error) };
  }
}
