// How long a client keeps at an upload that gets no further, and when it stops sending the same bytes again. Pure:
// `upload.ts` tells it what happens, and asks.
//
// An upload gets further when a chunk is sent for the first time, or the server reports a position that it never
// reported before. Everything else, answers among them, is no progress: a server that always answers and never moves
// is as far away as one that does not answer. What waits for our own source is not the server's fault.
//
// A server that lost bytes may ask for them again, and sending those counts as getting further, once. One that goes back
// again and again is asked less and less often: the same bytes would be sent for as long as the patience lasts.

import { limits } from "../protocol/limits.ts";

const MiB = 1024 * 1024;
// A cut costs up to a window: so much is sent again without a thought, and a small file up to so many times.
const againBytesMax = limits.chunkBytesDefault * limits.maxQueueDefault;
const againRoundsMax = 16;
// The last chunk is empty and costs something all the same.
const lastChunkShare = 0.1;
// A server hashes what it has after a restart, and before it publishes; slow disks are read at this rate.
const checkedBytesPerMs = (50 * MiB) / 1000;

export class Patience {
  readonly #retryForMs: number;
  #movedAt: number;
  /** End of what was sent, and furthest position that the server reported, in bytes. */
  #sent = 0;
  #reported = 0;
  #isEndSent = false;
  /** What was sent again since the upload last got further, 1 for everything that was sent so far. */
  #again = 0;
  #rounds = 0;

  constructor(retryForMs: number, now: number) {
    this.#retryForMs = retryForMs;
    this.#movedAt = now;
  }

  /** How often sending again was put off since the upload last got further. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Milliseconds since the upload last got further. */
  lostMs(now: number): number {
    return now - this.#movedAt;
  }

  /**
   * A chunk is about to be sent; `isLast`: the one with the checksum. Returns whether it shall be: not when the server
   * keeps asking for what it was sent.
   */
  sends(
    chunk: { readonly end: number; readonly length: number; readonly isLast: boolean },
    now: number,
  ): boolean {
    if (chunk.end > this.#sent || (chunk.isLast && !this.#isEndSent)) {
      this.#sent = Math.max(this.#sent, chunk.end);
      this.#isEndSent ||= chunk.isLast;
      this.#moved(now);
      return true;
    }
    const patience =
      this.#rounds === 0 ? Math.min(againRoundsMax, againBytesMax / Math.max(1, this.#sent)) : 0;
    if (this.#again >= 1 + patience) {
      this.#again = 0;
      this.#rounds += 1;
      return false;
    }
    const share = chunk.isLast ? lastChunkShare : 0;
    this.#again += this.#sent === 0 ? 1 : Math.max(share, chunk.length / this.#sent);
    if (this.#rounds === 0 && chunk.length > 0) this.#movedAt = now;
    return true;
  }

  /** The server says that it has everything before `position`. */
  reported(position: number, now: number): void {
    if (position <= this.#reported) return;
    this.#reported = position;
    this.#moved(now);
  }

  /** The server waits for what our own source has not given yet. */
  restart(now: number): void {
    this.#movedAt = now;
  }

  /** Whether nobody was reached, or the connection broke, for too long; counting a pause that would follow. */
  isOverWithout(now: number, pauseMs: number): boolean {
    return this.lostMs(now) + pauseMs > this.#retryForMs;
  }

  /** The same of a server that answers, and may be checking what it has meanwhile. */
  isOverWith(now: number, pauseMs: number): boolean {
    const checkMs = Math.max(this.#sent, this.#reported) / checkedBytesPerMs;
    return this.lostMs(now) + pauseMs > this.#retryForMs + checkMs;
  }

  #moved(now: number): void {
    this.#movedAt = now;
    this.#again = 0;
    this.#rounds = 0;
  }
}
