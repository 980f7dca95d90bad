// One output stream, written in order and never waited for while work goes on: a reader that is slow or gone must
// not hold up an upload. `process.exit` throws away what a pipe has not taken yet, hence `flush`.

import { type Clock, sleep } from "../base/clock.ts";
import { messageOf, systemCode } from "../base/error.ts";

/** A stream, or what takes text as one does. */
export interface TextTarget {
  /** Nothing can ever be written again. */
  readonly destroyed: boolean;
  /** `done` is called when it is out, or with what was in the way. */
  write(text: string, done: (error?: unknown) => void): unknown;
  /** Where failures arrive also as events, which end a program that does not listen. */
  on?(event: "error", listener: (error: unknown) => void): unknown;
}

export interface SinkOptions {
  readonly stream: TextTarget;
  readonly clock: Clock;
  /** Lines are dropped while more than this many characters wait; `Infinity` never drops. */
  readonly pendingMax: number;
}

// Lines that come close to each other are one call of the system, up to so many characters.
const pieceLength = 16 * 1024;

/** What never reached the stream. */
export interface Loss {
  readonly lines: number;
  /** What the system said of the last one, or `null`: nobody read them in time. */
  readonly reason: string | null;
}

/** After these nobody will ever read the stream again. After others, such as a full disk, somebody may. */
const finalCodes = new Set(["EPIPE", "EBADF", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END"]);

/** Text on its way to a stream. Never throws, whatever becomes of the stream. */
export class Sink {
  readonly #options: SinkOptions;
  /** What goes out piece by piece, and for how many lines each stands. */
  readonly #waiting: { text: string; lines: number }[] = [];
  #delivery: Promise<void> | null = null;
  #pending = 0;
  #lost = 0;
  #reason: string | null = null;
  /** The last write failed, perhaps in the midst of a line. */
  #isTorn = false;
  #isGone = false;
  #fault: string | null = null;

  constructor(options: SinkOptions) {
    this.#options = options;
    options.stream.on?.("error", (error) => this.#noteFailure(error));
  }

  /** Characters that the stream has not taken yet. */
  get pending(): number {
    return this.#pending;
  }

  /** What the system said when it did not take something, or `null`. That nobody reads any more is none. */
  get fault(): string | null {
    return this.#fault;
  }

  /** What was lost since the last call of this method, or `null`: nothing. Whoever calls it tells. */
  takeLoss(): Loss | null {
    if (this.#lost === 0) return null;
    const loss = { lines: this.#lost, reason: this.#reason };
    this.#lost = 0;
    this.#reason = null;
    return loss;
  }

  /** Puts `text` behind what waits. `lines`: for how many it stands, if it is lost. */
  write(text: string, lines = 1): void {
    if (this.#isGone) return;
    if (this.#pending > this.#options.pendingMax) {
      this.#lost += lines;
      return;
    }
    this.#pending += text.length;
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.text.length < pieceLength) {
      last.text += text;
      last.lines += lines;
    } else this.#waiting.push({ text, lines });
    this.#delivery ??= this.#deliverAll();
  }

  /** Resolves when everything is out, or after `waitMs`: a pipe that nobody reads must not keep us alive. */
  async flush(waitMs: number): Promise<void> {
    if (this.#pending === 0) return;
    const enough = new AbortController();
    await Promise.race([this.#delivery, sleep(this.#options.clock, waitMs, enough.signal).catch(() => {})]);
    enough.abort();
  }

  async #deliverAll(): Promise<void> {
    // What is written in the same turn goes along.
    await Promise.resolve();
    for (let piece = this.#waiting.shift(); piece !== undefined; piece = this.#waiting.shift())
      await this.#deliver(piece.text, piece.lines);
    this.#delivery = null;
  }

  #deliver(text: string, lines: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (error?: unknown): void => {
        if (error) {
          this.#noteFailure(error);
          this.#lost += lines;
          this.#reason = messageOf(error);
        }
        this.#isTorn = Boolean(error);
        this.#pending -= text.length;
        resolve();
      };
      if (this.#isGone) return done();
      try {
        this.#options.stream.write(this.#isTorn ? `\n${text}` : text, done);
      } catch (error) {
        // A descriptor that was closed before we started.
        done(error);
      }
    });
  }

  #noteFailure(error: unknown): void {
    const { stream } = this.#options;
    const isFinal = finalCodes.has(systemCode(error) ?? "");
    if (!isFinal) this.#fault ??= messageOf(error);
    if (stream.destroyed || isFinal) this.#isGone = true;
  }
}
