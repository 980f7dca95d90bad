// What an upload that begins waits for: a hook that is asked, or another upload that gives its name up.

import type { Wait, WaitCause } from "../protocol/wait.ts";

export class AdmissionWait {
  #cause: WaitCause | null = null;

  /** What it waits for just now, if that takes its time. */
  get current(): Wait | null {
    return this.#cause === null ? null : { cause: this.#cause };
  }

  /** It waits for `work`, because of `cause`. Gives what becomes of it. */
  async during<T>(cause: WaitCause, work: Promise<T>): Promise<T> {
    this.#cause = cause;
    try {
      return await work;
    } finally {
      this.#cause = null;
    }
  }
}
