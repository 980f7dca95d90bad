// Tells the server how a watched folder does: about once a minute while something changes, every five minutes otherwise, and once
// more at the end. Whatever comes of it, nothing else is held up by it.

import { type Clock, sleep } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { jittered } from "../base/pauses.ts";

/** How a folder does, as `State`; `isFarewell`: nothing more is told. */
export interface TellingParts<State> {
  readonly clock: Clock;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  readonly state: () => Promise<State>;
  /** What of it, where it changes, is told soon. */
  readonly newsOf: (state: State) => string;
  /** Tells it. Rejects with `DyncError`: "cannot-know" where the server takes no such thing. */
  readonly tell: (state: State, isFarewell: boolean, signal: AbortSignal) => Promise<void>;
  /** Is told once why the server is not told, until it is again: `null`. */
  readonly onFault: (fault: string | null) => void;
}

/** What came of it. */
export interface Told {
  /** When the server was told last (ISO 8601, UTC); `null`: never. */
  readonly at: string | null;
  /** Why it is not told any more; `null`: it is. */
  readonly fault: string | null;
}

/** So long after one report there is another one at the latest. */
export const tellEveryMs = 5 * 60_000;
const firstMs = 5_000;
const lookMs = 60_000;
// An older server may take reports after its next update.
const cannotAnswerMs = 24 * 60 * 60_000;
// A server that went away for a minute is no news.
const failuresToldAt = 2;
// Nobody who ends a watcher waits for this.
const farewellMs = 2_000;

export class Telling<State> {
  readonly #parts: TellingParts<State>;
  #told: Told = { at: null, fault: null };
  #news = "";
  #failures = 0;
  #dueAt = 0;

  constructor(parts: TellingParts<State>) {
    this.#parts = parts;
  }

  get told(): Told {
    return this.#told;
  }

  /** Tells it until the signal aborts; rejects then. */
  async forever(signal: AbortSignal): Promise<never> {
    const { clock, random } = this.#parts;
    await sleep(clock, firstMs, signal);
    this.#dueAt = clock.now();
    while (true) {
      await this.#tellIfDue(signal);
      await sleep(clock, jittered(lookMs, random()), signal);
    }
  }

  async #tellIfDue(signal: AbortSignal): Promise<void> {
    const { clock, newsOf } = this.#parts;
    const isDue = clock.now() >= this.#dueAt;
    // Who could not be told is left in peace until it is due.
    if (!isDue && this.#failures > 0) return;
    const state = await this.#parts.state();
    const news = newsOf(state);
    if (!isDue && news === this.#news) return;
    try {
      await this.#parts.tell(state, false, signal);
      this.#succeeded(news);
    } catch (error) {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      this.#failed(error);
    }
  }

  #succeeded(news: string): void {
    const { clock, onFault } = this.#parts;
    if (this.#failures >= failuresToldAt) onFault(null);
    this.#told = { at: clock.date().toISOString(), fault: null };
    this.#news = news;
    this.#failures = 0;
    // A look may come a little before.
    this.#dueAt = clock.now() + tellEveryMs - lookMs / 2;
  }

  #failed(error: DyncError): void {
    const { clock, onFault } = this.#parts;
    this.#failures += 1;
    this.#told = { ...this.#told, fault: error.message };
    const cannotKnow = error.code === "cannot-know";
    if (this.#failures === failuresToldAt && !cannotKnow) onFault(error.message);
    this.#dueAt = clock.now() + (cannotKnow ? cannotAnswerMs : tellEveryMs);
  }

  /** Says that nothing more is told; where nothing was told yet, only if `isFirst`. Resolves soon, and never rejects. */
  async farewell(isFirst: boolean): Promise<void> {
    if (this.#told.at === null && !isFirst) return;
    const { clock, tell, state } = this.#parts;
    const stop = new AbortController();
    const cancel = clock.after(farewellMs, () => stop.abort(new DyncError("timed-out", "It takes too long")));
    try {
      await tell(await state(), true, stop.signal);
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      this.#told = { ...this.#told, fault: error.message };
    } finally {
      cancel();
    }
  }
}
