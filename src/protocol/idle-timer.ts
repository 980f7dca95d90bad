// How long a client has been silent, seen from the server: when to poke it, and when to give it up. Used by
// `server-upload.ts`.

import { limits } from "./limits.ts";

export class IdleTimer {
  readonly #idleMs: number;
  #heardAt = 0;
  #quietSince = 0;
  #usedAt = 0;
  #pokeMs: number = limits.pokeMs;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** The client spoke. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#quietSince = now;
    this.#pokeMs = limits.pokeMs;
  }

  /** The client was given credit that it may use now. */
  granted(now: number): void {
    this.#quietSince = now;
    this.#usedAt = now;
  }

  /** The client used credit. */
  used(now: number): void {
    this.#usedAt = now;
  }

  /** When credit was last given or used. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** When something is next due. `mayPoke`: the client holds credit, so its silence costs others. */
  dueAt(mayPoke: boolean): number {
    const idleAt = this.#heardAt + this.#idleMs;
    return mayPoke ? Math.min(idleAt, this.#quietSince + this.#pokeMs) : idleAt;
  }

  /** What is due at `now`. Pokes get rarer as long as nothing is heard. */
  due(now: number): "poke" | "give-up" {
    if (now >= this.#heardAt + this.#idleMs) return "give-up";
    this.#quietSince = now;
    this.#pokeMs = Math.min(2 * this.#pokeMs, limits.pokeMsMax);
    return "poke";
  }
}
