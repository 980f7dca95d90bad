// One output stream, written in order and never waited for while work goes on: a reader that is slow or gone must
// not hold up an upload. `process.exit` throws away what a pipe has not taken yet, hence `flush`.

import type { Writable } from "node:stream";
import { type Clock, sleep } from "../base/clock.ts";

export interface SinkOptions {
  readonly stream: Writable;
  readonly clock: Clock;
  /** Lines are dropped while more than this many characters wait; `Infinity` never drops. */
  readonly pendingMax: number;
}

/** Text on its way to a stream. Never throws, whatever becomes of the stream. */
export class Sink {
  readonly #options: SinkOptions;
  #queue: Promise<void> = Promise.resolve();
  #pending = 0;
  #dropped = 0;
  #broken = false;

  constructor(options: SinkOptions) {
    this.#options = options;
    // EPIPE and its like arrive here as well as in the callback; an unheard "error" event would end the program.
    options.stream.on("error", () => {
      this.#broken = true;
    });
  }

  /** Characters that the stream has not taken yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Calls to `write` whose text was dropped since the last call of this method. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  write(text: string): void {
    if (this.#broken) return;
    if (this.#pending > this.#options.pendingMax) {
      this.#dropped++;
      return;
    }
    this.#pending += text.length;
    this.#queue = this.#queue.then(() => this.#deliver(text));
  }

  /** Resolves when everything is out, or after `waitMs`: a pipe that nobody reads must not keep us alive. */
  async flush(waitMs: number): Promise<void> {
    if (this.#pending === 0) return;
    const enough = new AbortController();
    await Promise.race([this.#queue, sleep(this.#options.clock, waitMs, enough.signal).catch(() => {})]);
    enough.abort();
  }

  #deliver(text: string): Promise<void> {
    return new Promise((resolve) => {
      const done = (error?: Error | null): void => {
        if (error) this.#broken = true;
        this.#pending -= text.length;
        resolve();
      };
      if (this.#broken) return done();
      try {
        this.#options.stream.write(text, done);
      } catch {
        // A descriptor that was closed before we started.
        this.#broken = true;
        done();
      }
    });
  }
}
