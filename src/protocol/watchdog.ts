// How long a client waits for a sign of life: when to ask, and when to give a connection up. Used by
// `client-upload.ts`, which says what it waits for and how patient the line makes it.

import { limits } from "./limits.ts";

export class Watchdog {
  #heardAt = 0;
  #askedAt = 0;
  #sentAt = 0;
  /** When it last showed that what we send gets on. */
  #movedAt = 0;
  /** The first question since the last answer, `null` when there was an answer since. */
  #unansweredSince: number | null = null;
  /** Questions that were due since the upload last got further: each doubles the pause before the next. */
  #repeats = 0;

  /** A new connection begins. */
  reset(now: number): void {
    this.#heardAt = this.#askedAt = this.#sentAt = this.#movedAt = now;
    this.#unansweredSince = null;
    this.#repeats = 0;
  }

  /**
   * The server spoke; `isAnswer`: because it had heard us. That need not help: as long as the upload does not get
   * further, pauses keep growing.
   */
  heard(now: number, isAnswer: boolean): void {
    this.#heardAt = now;
    if (isAnswer) this.#unansweredSince = null;
  }

  /** There is new credit: chunks arrived, though perhaps not yet the question behind them. */
  credited(now: number): void {
    this.#movedAt = now;
  }

  /**
   * A chunk is sent. `isNew`: for the first time. `wasHeld`: it waited for the connection, which is slow then, but moves;
   * that a connection takes a chunk for which nobody waited shows nothing.
   */
  sent(now: number, isNew: boolean, wasHeld: boolean): void {
    this.#sentAt = now;
    if (wasHeld) this.#movedAt = now;
    if (isNew) this.#repeats = 0;
  }

  /** A question was sent, due or not. */
  asked(now: number): void {
    this.#askedAt = now;
    this.#unansweredSince ??= now;
  }

  /**
   * When to ask or to give up. `isWaiting`: nothing can go on before the server speaks. `patienceMs`: how long an
   * answer takes here.
   */
  dueAt(isWaiting: boolean, patienceMs: number): number {
    const quietSince = Math.max(this.#heardAt, this.#askedAt);
    const isUnanswered = this.#unansweredSince !== null;
    if (!isWaiting && !isUnanswered) return quietSince + limits.keepaliveMs;
    const pauseMsMax = isUnanswered ? limits.askAgainMsMax : limits.askMsMax;
    const pauseMs = Math.min(pauseMsMax, patienceMs * 2 ** this.#repeats);
    return Math.min(Math.max(quietSince, this.#sentAt) + pauseMs, this.#giveUpAt());
  }

  /** At `dueAt`: whether to ask (again), or to give the connection up. */
  due(now: number): "ask" | "give-up" {
    if (now >= this.#giveUpAt()) return "give-up";
    this.#repeats += 1;
    return "ask";
  }

  #giveUpAt(): number {
    if (this.#unansweredSince === null) return Number.POSITIVE_INFINITY;
    return Math.max(this.#unansweredSince, this.#movedAt) + limits.silenceMs;
  }
}
