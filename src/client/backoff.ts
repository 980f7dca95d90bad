// How long to pause before the next connection. A cut network shall be noticed as back within two seconds, so
// pauses start and stay short for a while; an outage that lasts, or a server that asks to come back later, gets
// growing ones. Jitter keeps a hundred instruments from knocking in the same instant after a restart.

const cutPauseMs = 500;
const longOutageMs = 5 * 60_000;
const growth = 2;
const pauseMsMax = 30_000;
const laterPauseMs = 1_000;
const roundPauseMsMax = 10 * 60_000;

export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  #laters = 0;

  /** `random` gives numbers in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The connection works again. */
  reset(): void {
    this.#failures = 0;
  }

  /** The server let us in and answered with something else than "later". */
  resetLater(): void {
    this.#laters = 0;
  }

  /** Pause after the connection broke or could not be made, when it has been away for `outageMs`. */
  afterFailure(outageMs: number): number {
    if (this.#failures++ === 0) return this.#jitter(100);
    if (outageMs < longOutageMs) return this.#jitter(cutPauseMs);
    return this.#jitter(Math.min(pauseMsMax, cutPauseMs + (outageMs - longOutageMs) / 10));
  }

  /** Pause after the server asked to come back later. */
  afterLater(): number {
    const pause = laterPauseMs * growth ** Math.min(this.#laters++, 10);
    return this.#jitter(Math.min(pauseMsMax, pause));
  }

  /** Pause before the same bytes are sent for the `rounds`th time more than a server could want by chance. */
  afterRound(rounds: number): number {
    return this.#jitter(Math.min(roundPauseMsMax, laterPauseMs * growth ** Math.min(rounds - 1, 20)));
  }

  #jitter(pauseMs: number): number {
    return pauseMs * (0.75 + 0.5 * this.#random());
  }
}
