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
//
// The beginning. Each chunk that arrives opens the window by three more, so that it is four times as wide in the next round trip, but no
// further than the last of them are worth by how fast they came one behind the other: faster they will not come. That is over when a
// stretch brings hardly more than the ones before.

/** Shorter stretches say little: chunks come many at once. */
const stretchMsMin = 50;
/** In the beginning. */
const openedByChunk = 3;
/** A stretch brings more than the ones before where it has so many times as much. */
const more = 5 / 4;
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
  #stretch = new Stretch();
  /** Rates of the last ones. */
  #rates: number[] = [];
  /** By so many chunks the window is open in the beginning; `null`: that is over. */
  #opened: number | null = 0;
  #shortStretch = new Stretch();
  #lastShortRate = 0;

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
    // How much comes in a round trip nobody knows before.
    if (Number.isFinite(this.#roundTripMs)) this.#measureRate(now);
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
    this.#stretch = new Stretch();
    this.#rates = [];
    this.#opened = 0;
    this.#shortStretch = new Stretch();
    this.#lastShortRate = 0;
  }

  /** The window for this line, in chunks, where `least` are enough for a short one. */
  window(least: number): number {
    if (!Number.isFinite(this.#roundTripMs)) return least;
    const wide = this.#worth(least, Math.max(this.#stretch.rate, ...this.#rates));
    if (this.#opened === null) return Math.max(least, wide);
    const worth = this.#worth(least, Math.max(this.#shortStretch.rate, this.#lastShortRate));
    return Math.max(least, wide, Math.min(least + this.#opened, worth));
  }

  /** Chunks that are worth having under way at this rate. */
  #worth(least: number, rate: number): number {
    return Math.ceil(least / 2 + headroom * rate * this.#roundTripMs);
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
    const stretchMs = Math.max(stretchMsMin, this.#roundTripMs);
    if (this.#opened !== null) this.#open(this.#opened, now);
    if (!this.#stretch.used(now, stretchMs)) return;
    const { rate } = this.#stretch;
    if (rate < more * Math.max(0, ...this.#rates)) this.#opened = null;
    this.#rates.push(rate);
    if (this.#rates.length > stretchesMax) this.#rates.shift();
    this.#stretch = new Stretch(now);
  }

  #open(opened: number, now: number): void {
    this.#opened = opened + openedByChunk;
    if (!this.#shortStretch.used(now, stretchMsMin)) return;
    this.#lastShortRate = this.#shortStretch.rate;
    this.#shortStretch = new Stretch(now);
  }
}

/** A time in which chunks come, beginning with the first one or with `beganAt`. */
class Stretch {
  #beganAt: number | null;
  #uses = 0;
  #rate = 0;

  constructor(beganAt: number | null = null) {
    this.#beganAt = beganAt;
  }

  /** Chunks a millisecond. Also before the stretch is over: what came already will not become less. */
  get rate(): number {
    return this.#rate;
  }

  /** A chunk came. Returns whether the stretch, which takes `stretchMs` at least, is over. */
  used(now: number, stretchMs: number): boolean {
    this.#beganAt ??= now;
    this.#uses += 1;
    const elapsedMs = now - this.#beganAt;
    this.#rate = this.#uses / Math.max(elapsedMs, stretchMs);
    return elapsedMs >= stretchMs;
  }
}
