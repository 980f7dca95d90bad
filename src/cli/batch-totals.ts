// How far all files of a batch are together. What was there already counts as done, and says nothing about speed.

import type { ProgressNumbers } from "./progress-line.ts";
import type { ProgressState } from "./progress-meter.ts";
import { TransferRate } from "./transfer-rate.ts";

export interface BatchTotalsOptions {
  /** How many there are, `null` where that is not known. */
  readonly files: number | null;
  /** What they have together, `null` where that is not known. */
  readonly bytes: number | null;
}

/** One file that is under way. Times are monotonic milliseconds. */
export interface FileTotals {
  update(state: ProgressState, now: number): void;
  stored(bytes: number, already: boolean, now: number): void;
  failed(): void;
}

/** What a file that is under way adds. */
interface Share {
  state: ProgressState | null;
}

export class BatchTotals {
  /** How many there are, `null` where that is not known. */
  readonly files: number | null;
  readonly #rate = new TransferRate();
  readonly #running = new Set<Share>();
  #total: number | null;
  #stored = 0;
  #failed = 0;
  #storedBytes = 0;
  /** What this process sent. */
  #moved = 0;

  constructor({ files, bytes }: BatchTotalsOptions) {
    this.files = files;
    this.#total = bytes;
  }

  /** Files that are stored. */
  get done(): number {
    return this.#stored;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Bytes that are stored, or on the server's way to that. */
  get sent(): number {
    let sent = this.#storedBytes;
    for (const { state } of this.#running) sent += state?.taken ?? 0;
    return sent;
  }

  /** A file's turn has come; `bytes`: what it has, as far as that was known before. */
  open(bytes: number | null): FileTotals {
    const share: Share = { state: null };
    this.#running.add(share);
    return {
      update: (state, now) => {
        // The position may jump to what the server has.
        const isJump = state.isStill === true || share.state === null;
        this.#move(isJump ? 0 : Math.max(0, state.taken - (share.state?.taken ?? 0)), now);
        share.state = state;
      },
      stored: (size, already, now) => {
        this.#running.delete(share);
        this.#stored += 1;
        this.#storedBytes += size;
        if (this.#total !== null) this.#total += size - (bytes ?? size);
        if (!already) this.#move(Math.max(0, size - (share.state?.taken ?? 0)), now);
      },
      failed: () => {
        this.#running.delete(share);
        this.#failed += 1;
        if (this.#total !== null) this.#total -= bytes ?? 0;
      },
    };
  }

  #move(bytes: number, now: number): void {
    this.#moved += bytes;
    this.#rate.add(this.#moved, now);
  }

  /** What there is to say at `now`; with `columns`, for a line of that width. */
  numbers(now: number, columns?: number): ProgressNumbers {
    const { sent } = this;
    // That nothing moved since then counts as well.
    if (this.#moved > 0) this.#rate.add(this.#moved, now);
    const bytesPerSecond = this.#rate.bytesPerSecond(now);
    const states = [...this.#running].map(({ state }) => state);
    const [first] = states;
    const isWaiting = first?.isStill === true && states.every((state) => state?.isStill === true);
    const total = this.#total;
    const isMoving = total !== null && bytesPerSecond !== null && bytesPerSecond > 0;
    return {
      ...this.#label(columns),
      taken: total === null ? sent : Math.min(sent, total),
      underWay: states.reduce((sum, state) => sum + (state?.underWay ?? 0), 0),
      total,
      waiting: isWaiting && first.nextTryAt != null ? first.waiting : null,
      nextTryMs: isWaiting && first.nextTryAt != null ? Math.max(0, first.nextTryAt - now) : null,
      bytesPerSecond,
      remainingMs: isMoving ? (Math.max(0, total - sent) * 1000) / bytesPerSecond : null,
    };
  }

  /** As many words as a third of the line has room for. */
  #label(columns = Number.POSITIVE_INFINITY): Pick<ProgressNumbers, "name" | "nameColumns"> {
    const over = this.#stored + this.#failed;
    const failed = this.#failed === 0 ? "" : `, ${this.#failed} failed`;
    const [long, short] =
      this.files === null
        ? [`${over} files`, `${over}`]
        : [`${over} of ${this.files} files`, `${over}/${this.files}`];
    const choices = [`${long}${failed}`, `${short}${failed}`];
    const name = choices.find((text) => text.length <= columns / 3) ?? short;
    return { name, nameColumns: name.length };
  }
}
