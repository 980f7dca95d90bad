// How long an answer of the server takes on this line, estimated as TCP does it (RFC 6298): from this a client knows
// when a question, or what it waits for, may have got lost. Used by `client-upload.ts`.

import { limits } from "./limits.ts";

export class RoundTrip {
  #smoothedMs: number | null = null;
  #variationMs = 0;

  /** An answer came `elapsedMs` after its question. Not for one that may answer another question (Karn). */
  measured(elapsedMs: number): void {
    if (this.#smoothedMs === null) {
      this.#smoothedMs = elapsedMs;
      this.#variationMs = elapsedMs / 2;
      return;
    }
    this.#variationMs += (Math.abs(this.#smoothedMs - elapsedMs) - this.#variationMs) / 4;
    this.#smoothedMs += (elapsedMs - this.#smoothedMs) / 8;
  }

  /** After this long without an answer it is worth asking again, in ms. */
  get patienceMs(): number {
    if (this.#smoothedMs === null) return limits.askMsFirst;
    const patienceMs = this.#smoothedMs + 4 * this.#variationMs;
    return Math.min(limits.askMsMax, Math.max(limits.askMsMin, patienceMs));
  }
}
