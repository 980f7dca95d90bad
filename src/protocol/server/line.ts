// How many chunks fill the line of one upload: what it takes in a round trip. Part of `server-upload.ts`, which opens the
// window to that.
//
// Theory of operation.
//
// A client that used all of its credit sends on when it hears of more: from the telling of a credit to the arrival of the chunk
// that uses it passes one round trip, and more where the client still had some, or its line is full. The least of these
// times is the round trip. It is kept for as long as the connection stands: a line that is full for minutes looks longer than it is.
//
// What arrives in a stretch of at least a round trip, over its time, is the rate, and the highest one of some stretches what
// the line bears. Where the window is what limits, a window arrives in each round trip: twice as much is then asked for, so that it
// doubles with each until something else limits. Both are counted in chunks, as credit is, whatever their length.

/** Shorter stretches say little: chunks come many at once. */
const stretchMsMin = 50;
/** A line that is shared, or whose source pauses, bears more than it did in the last of them. */
const stretchesMax = 8;
/** So much is asked for beyond what a round trip takes: half of it is under way while the other half is given anew. */
const headroom = 2;
/**
 * After the client's credit was lowered, chunks may still arrive that it sent for what it had before. They would make the line look short.
 * No line is longer than this.
 */
const unclearMs = 2000;

/** Credit that was told at once: it is used by the uses after `from`, up to `to`. */
interface Telling {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

export class Line {
  #tellings: Telling[] = [];
  #uses = 0;
  #roundTripMs = Number.POSITIVE_INFINITY;
  #clearFrom = Number.NEGATIVE_INFINITY;
  #beganAt: number | null = null;
  #usesBefore = 0;
  /** Chunks a millisecond, in this stretch and in the last ones. */
  #rate = 0;
  #rates: number[] = [];

  /** The client is told of `amount` chunks more, beside the `outstanding` that it has. */
  told(amount: number, outstanding: number, now: number): void {
    if (amount === 0 || now < this.#clearFrom) return;
    const from = this.#uses + outstanding;
    this.#tellings.push({ from, to: from + amount, at: now });
  }

  /** A chunk came that uses one credit. */
  used(now: number): void {
    this.#uses += 1;
    this.#measureRoundTrip(now);
    this.#measureRate(now);
  }

  /** The client's credit was lowered, or where it belongs: what it was told of before means nothing. */
  unclear(now: number): void {
    this.#tellings = [];
    this.#clearFrom = now + unclearMs;
  }

  /** The client may come back by another line. */
  gone(now: number): void {
    this.unclear(now);
    this.#roundTripMs = Number.POSITIVE_INFINITY;
    this.#rate = 0;
    this.#rates = [];
    this.#beganAt = null;
  }

  /** The window for this line, in chunks, where `least` are enough for a short one. */
  window(least: number): number {
    if (!Number.isFinite(this.#roundTripMs)) return least;
    const filling = Math.max(this.#rate, ...this.#rates) * this.#roundTripMs;
    return Math.max(least, Math.ceil(least / 2 + headroom * filling));
  }

  #measureRoundTrip(now: number): void {
    let first = this.#tellings[0];
    while (first !== undefined && first.to < this.#uses) {
      this.#tellings.shift();
      first = this.#tellings[0];
    }
    if (first === undefined || this.#uses <= first.from) return;
    this.#roundTripMs = Math.min(this.#roundTripMs, now - first.at);
  }

  #measureRate(now: number): void {
    const beganAt = this.#beganAt ?? now;
    if (this.#beganAt === null) this.#begin(now, 1);
    const stretchMs = Math.max(stretchMsMin, Number.isFinite(this.#roundTripMs) ? this.#roundTripMs : 0);
    const elapsedMs = now - beganAt;
    // Also before the stretch is over: what came already will not become less.
    this.#rate = (this.#uses - this.#usesBefore) / Math.max(elapsedMs, stretchMs);
    if (elapsedMs < stretchMs) return;
    this.#rates.push(this.#rate);
    if (this.#rates.length > stretchesMax) this.#rates.shift();
    this.#begin(now, 0);
  }

  /** A stretch begins, with so many of the chunks that came. */
  #begin(now: number, uses: number): void {
    this.#beganAt = now;
    this.#usesBefore = this.#uses - uses;
  }
}
