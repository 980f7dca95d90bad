// How long a client keeps at an upload, when it stops believing or stops sending the same bytes again, and how long it
// pauses before the next connection. Pure: `upload.ts` tells it what happens and when, and does what the verdict says.
//
// An upload gets further when a chunk is sent for the first time, or the server reports a position that it never
// reported before. Everything else, answers among them, is no progress: a server that always answers and never moves
// is as far away as one that does not answer. What waits for our own source is not the server's fault.
//
// A server that lost bytes may ask for them again, and sending those counts as getting further, once. One that goes back
// again and again is asked less and less often: the same bytes would be sent for as long as the patience lasts.
//
// A cut network shall be noticed as back within two seconds, so pauses start and stay short for a while; an outage that
// lasts, or a server that asks to come back later, gets growing ones. Jitter keeps a hundred instruments from knocking in
// the same instant after a restart.

import { DyncError } from "../base/error.ts";
import { doubled, jittered, type Pauses } from "../base/pauses.ts";
import type { ClientInput } from "../protocol/client/client-events.ts";
import { limits } from "../protocol/limits.ts";
import type { LinkFailure } from "../transport/transport.ts";

/** How patient somebody is. */
export interface Retry {
  /** How long to keep trying while the upload gets no further, in ms. */
  readonly retryForMs: number;
  /** Whether to keep trying even if the server was not reached once. */
  readonly retryFirst: boolean;
}

export interface PatienceOptions extends Retry {
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
}

/** What to do when it cannot go on as it is: close the connection and open another after a pause, or end the upload. */
export type Verdict =
  | { readonly type: "pause"; readonly pauseMs: number; readonly error: DyncError }
  | { readonly type: "give-up"; readonly error: DyncError };

/** A chunk that is about to be sent. */
export interface NextChunk {
  /** Offsets in bytes. */
  readonly end: number;
  readonly length: number;
  /** The one with the checksum, which is empty. */
  readonly isLast: boolean;
}

const MiB = 1024 * 1024;
// A cut costs up to a window: so much is sent again without a thought, and a small file up to so many times.
const againBytesMax = limits.chunkBytesDefault * limits.maxQueueDefault;
const againRoundsMax = 16;
// The last chunk costs something although it is empty.
const lastChunkShare = 0.1;
// A server hashes what it has after a restart, and before it publishes; slow disks are read at this rate.
const checkedBytesPerMs = (50 * MiB) / 1000;
// Files answer sooner; a server that makes us read the same place again and again has no excuse in that.
const sourceLateMs = 1_000;

// A wrong key, a restart and a damaged handshake look alike: so many in a row, more where the right key was seen.
const keyMismatchesMax = 3;
const keyMismatchesMaxLater = 10;
const keyMismatchPauseMs = 300;
// No MAC covers where messages end: a damaged byte can join two. So nonsense is doubted, once where nothing was sent yet.
const malformedMax = 3;

const firstPauseMs = 100;
const cutPauseMs = 500;
const longOutageMs = 5 * 60_000;
const outagePauseMsMax = 30_000;
const laterPauses: Pauses = { minMs: 1_000, maxMs: 30_000 };
const roundPauses: Pauses = { minMs: 1_000, maxMs: 10 * 60_000 };

export class Patience {
  readonly #options: PatienceOptions;
  #movedAt: number;
  /** End of what was sent; the last chunk counts as one byte. */
  #sent = 0;
  /** Furthest position that the server reported. */
  #reported = 0;
  /** What was sent again since the upload last got further, 1 for everything that was sent so far. */
  #again = 0;
  /** How often sending again was put off since then. */
  #rounds = 0;
  /** Messages since then that were none. */
  #malformed = 0;
  #wasUp = false;
  /** Since when there is no connection; `null` while there is one, and before the first try. */
  #awaySince: number | null = null;
  /** Connections in a row that met another key. */
  #mismatches = 0;
  /** How often in a row the server asked to come back later. */
  #laters = 0;
  /** Why it last did. */
  #later: DyncError | null = null;
  /** Since when the source owes us a chunk. */
  #owedSince: number | null = null;

  constructor(options: PatienceOptions, now: number) {
    this.#options = options;
    this.#movedAt = now;
  }

  /** The connection is up. */
  up(): void {
    this.#wasUp = true;
    this.#awaySince = null;
    this.#mismatches = 0;
  }

  /** We stayed away since there was nothing to send: that was nobody's fault. */
  rested(now: number): void {
    this.#awaySince = null;
    this.#moved(now);
  }

  /** The connection could not be made, or broke; `error` says so to the user. */
  down(failure: LinkFailure, error: DyncError, now: number): Verdict {
    const isMismatch = failure === "server-key-mismatch";
    this.#mismatches = isMismatch ? this.#mismatches + 1 : 0;
    const mismatchesMax = this.#wasUp ? keyMismatchesMaxLater : keyMismatchesMax;
    // Another try right away does not mend a refused key, whatever happened before.
    if (failure === "key-refused" || this.#mismatches >= mismatchesMax) return { type: "give-up", error };
    if (this.#wasUp || this.#options.retryFirst) return this.broken(error, now);
    return isMismatch ? this.#pause(keyMismatchPauseMs, error, now) : { type: "give-up", error };
  }

  /** The connection is of no use any more, though it may be up. */
  broken(error: DyncError, now: number): Verdict {
    this.#excuseSource(now);
    const pauseMs = this.#jitter(this.#outagePauseMs(now));
    if (this.#lostMs(now) + pauseMs <= this.#options.retryForMs) return this.#pause(pauseMs, error, now);
    // Nonsense would be no reason to end it by itself: that it got no further is.
    return { type: "give-up", error: error.code === "malformed" ? this.#stalled(now) : error };
  }

  /** The server asks to come back later. */
  later(error: DyncError, now: number): Verdict {
    this.#later = error;
    return this.#comeBack(this.#jitter(doubled(laterPauses, this.#laters++)), error, now);
  }

  /** The server let us in, and answered with something else than "later". */
  letIn(): void {
    this.#laters = 0;
  }

  /**
   * Something came from the server. `isAwaited`: an answer is what the upload waits for. Returns `null` when the machine
   * shall hear it.
   */
  heard(
    input: Extract<ClientInput, { type: "message" | "malformed" }>,
    isAwaited: boolean,
    now: number,
  ): Verdict | null {
    this.#excuseSource(now);
    if (input.type === "malformed") {
      const isDoubted = this.#malformed++ < (this.#sent > 0 ? malformedMax : 1);
      return isDoubted ? this.broken(new DyncError("malformed", input.text), now) : null;
    }
    const { message } = input;
    if (message.type === "error" || message.type === "upload-finished") return null;
    if (message.type === "status-report" && message.seek > this.#reported) {
      this.#reported = message.seek;
      this.#moved(now);
    }
    // Only what answers us shows that what we sent arrived: on a slow line that takes as long as it takes.
    const isAnswer = isAwaited || message.type === "status-report";
    return isAnswer && this.#isOverWith(now, 0) ? { type: "give-up", error: this.#stalled(now) } : null;
  }

  /** Returns `null` when `chunk` shall be sent: not when the server keeps asking for what it was sent. */
  sends({ end, length, isLast }: NextChunk, now: number): Verdict | null {
    const [reach, bytes] = isLast ? [end + 1, length + 1] : [end, length];
    if (reach > this.#sent) {
      this.#sent = reach;
      this.#moved(now);
      return null;
    }
    const forgiven = this.#rounds === 0 ? Math.min(againRoundsMax, againBytesMax / this.#sent) : 0;
    if (this.#again >= 1 + forgiven) {
      this.#again = 0;
      const pauseMs = this.#jitter(doubled(roundPauses, this.#rounds++));
      const text = "The server asks again and again for what it was sent";
      return this.#comeBack(pauseMs, this.#later ?? new DyncError("not-ready", text), now);
    }
    this.#again += Math.max(isLast ? lastChunkShare : 0, bytes / this.#sent);
    if (this.#rounds === 0 && length > 0) this.#movedAt = now;
    return null;
  }

  /** Whether the source owes the next chunk, from now on. */
  awaitsSource(isOwed: boolean, now: number): void {
    this.#owedSince = isOwed ? (this.#owedSince ?? now) : null;
  }

  // Credit may be gone as well meanwhile: a server lends nobody what lies unused.
  #excuseSource(now: number): void {
    const isUp = this.#wasUp && this.#awaySince === null;
    if (isUp && this.#owedSince !== null && now - this.#owedSince >= sourceLateMs) this.#movedAt = now;
  }

  // A server that answers every time, and every time says "later" in the same place, gets us nowhere either.
  #comeBack(pauseMs: number, error: DyncError, now: number): Verdict {
    return this.#isOverWith(now, pauseMs) ? { type: "give-up", error } : this.#pause(pauseMs, error, now);
  }

  #pause(pauseMs: number, error: DyncError, now: number): Verdict {
    this.#awaySince ??= now;
    return { type: "pause", pauseMs, error };
  }

  // Of a server that answers, and may be checking what it has meanwhile.
  #isOverWith(now: number, pauseMs: number): boolean {
    const checkMs = Math.max(this.#sent, this.#reported) / checkedBytesPerMs;
    return this.#lostMs(now) + pauseMs > this.#options.retryForMs + checkMs;
  }

  #stalled(now: number): DyncError {
    const seconds = Math.round(this.#lostMs(now) / 1000);
    return new DyncError("timed-out", `The server answers, but has taken nothing more for ${seconds} s`);
  }

  #moved(now: number): void {
    this.#movedAt = now;
    this.#again = this.#rounds = this.#malformed = 0;
  }

  /** Since the upload last got further. */
  #lostMs(now: number): number {
    return now - this.#movedAt;
  }

  #outagePauseMs(now: number): number {
    if (this.#awaySince === null) return firstPauseMs;
    const outageMs = now - this.#awaySince;
    if (outageMs < longOutageMs) return cutPauseMs;
    return Math.min(outagePauseMsMax, cutPauseMs + (outageMs - longOutageMs) / 10);
  }

  #jitter(pauseMs: number): number {
    return jittered(pauseMs, this.#options.random());
  }
}
