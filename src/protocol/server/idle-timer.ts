// How long a client has been silent, seen from the server: when to poke it, and when to give it up. Used by
// `server-upload.ts`.

import { limits } from "../limits.ts";

export class IdleTimer {
  readonly #idleMs: number;
  #heardAt = 0;
  #quietSince = 0;
  #pokeMs: number = limits.pokeMs;
  #isGone = false;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** The client spoke. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#quietSince = now;
    this.#pokeMs = limits.pokeMs;
    this.#isGone = false;
  }

  /** The client was told something that it will answer. */
  told(now: number): void {
    this.#quietSince = now;
  }

  /** The client has no connection. */
  gone(): void {
    this.#isGone = true;
  }

  /** When something is next due. */
  get dueAt(): number {
    const endsAt = this.#patienceEndsAt;
    return this.#isGone ? endsAt : Math.min(endsAt, this.#quietSince + this.#pokeMs);
  }

  get #patienceEndsAt(): number {
    return this.#heardAt + (this.#isGone ? Math.min(limits.goneMs, this.#idleMs) : this.#idleMs);
  }

  /** What is due at `now`. Pokes get rarer as long as nothing is heard. */
  due(now: number): "poke" | "give-up" {
    if (now >= this.#patienceEndsAt) return "give-up";
    this.#quietSince = now;
    this.#pokeMs = Math.min(2 * this.#pokeMs, limits.pokeMsMax);
    return "poke";
  }
}
