// How long a client waits for a sign of life: when to ask, and when to give a connection up. Used by
// `client-upload.ts`, which says what it waits for.

import { limits } from "./limits.ts";

export class Watchdog {
  #quietSince = 0;
  #asked = 0;

  /** The server spoke, or a new connection begins. */
  reset(now: number): void {
    this.#quietSince = now;
    this.#asked = 0;
  }

  /** The connection took data: it may be slow, but it moves. */
  progress(now: number): void {
    this.#quietSince = now;
  }

  /** When to ask or to give up. `isWaiting`: nothing can go on before the server speaks. */
  dueAt(isWaiting: boolean): number {
    const pause = isWaiting || this.#asked > 0 ? limits.answerMs[this.#asked]! : limits.keepaliveMs;
    return this.#quietSince + pause;
  }

  /** At `dueAt`: whether to ask (again), or to give the connection up. */
  ask(now: number): "ask" | "give-up" {
    if (this.#asked === limits.answerMs.length - 1) return "give-up";
    this.#asked += 1;
    this.#quietSince = now;
    return "ask";
  }
}
