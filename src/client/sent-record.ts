// Keeps in the state of an upload how much of it the server has, for `dync uploads`: every few seconds, and at the end.
// A hint like the rest of the state: what the server says decides. Used by `file-upload.ts`.

import type { Clock } from "../base/clock.ts";
import type { UnfinishedUpload } from "./upload-store.ts";

const everyMs = 10_000;

export interface SentRecordParts {
  readonly clock: Clock;
  readonly save: (state: UnfinishedUpload) => Promise<void>;
}

export class SentRecord {
  readonly #state: UnfinishedUpload;
  readonly #parts: SentRecordParts;
  #savedAt: number;
  #saved: number;
  #taken: number;
  #saving: Promise<void> | null = null;
  /** A disk that does not take it will not take the next one either, and the upload needs it not. */
  #hasFailed = false;

  constructor(state: UnfinishedUpload, parts: SentRecordParts) {
    this.#state = state;
    this.#parts = parts;
    this.#savedAt = parts.clock.now();
    this.#saved = this.#taken = state.sent ?? 0;
  }

  /** The server has `taken` bytes. */
  note(taken: number): void {
    this.#taken = taken;
    const isDue = this.#parts.clock.now() - this.#savedAt >= everyMs;
    if (isDue && this.#saving === null) void this.#save();
  }

  /** Nothing is being written afterwards; what is there by then is what was noted last, if `last`. */
  async settle(last: boolean): Promise<void> {
    await this.#saving;
    if (last) await this.#save();
  }

  async #save(): Promise<void> {
    if (this.#hasFailed || this.#taken === this.#saved) return;
    this.#savedAt = this.#parts.clock.now();
    this.#saved = this.#taken;
    this.#saving = this.#parts
      .save({ ...this.#state, sent: this.#taken })
      .catch(() => {
        this.#hasFailed = true;
      })
      .finally(() => {
        this.#saving = null;
      });
    await this.#saving;
  }
}
