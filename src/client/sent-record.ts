// Keeps in the state of an upload how much of it the server has, for `dync uploads`: every few seconds, and at the end.
// A hint like the rest of the state: what the server says decides. Used by `file-upload.ts`.

import type { Clock } from "../base/clock.ts";
import type { UnfinishedUpload, UploadStore } from "./upload-store.ts";

const everyMs = 10_000;

export class SentRecord {
  readonly #state: UnfinishedUpload;
  readonly #store: Pick<UploadStore, "save">;
  readonly #clock: Clock;
  #savedAt: number;
  #saved: number;
  #taken: number;
  #saving: Promise<void> | null = null;

  constructor(state: UnfinishedUpload, store: Pick<UploadStore, "save">, clock: Clock) {
    this.#state = state;
    this.#store = store;
    this.#clock = clock;
    this.#savedAt = clock.now();
    this.#saved = this.#taken = state.sent ?? 0;
  }

  /** The server has `taken` bytes. */
  note(taken: number): void {
    this.#taken = taken;
    const isDue = this.#clock.now() - this.#savedAt >= everyMs;
    if (isDue && this.#saving === null) void this.#save();
  }

  /** Nothing is being written afterwards; what is there by then is what was noted last, if `last`. */
  async settle(last: boolean): Promise<void> {
    await this.#saving;
    if (last) await this.#save();
  }

  async #save(): Promise<void> {
    if (this.#taken === this.#saved) return;
    this.#savedAt = this.#clock.now();
    this.#saved = this.#taken;
    this.#saving = this.#store
      .save({ ...this.#state, sent: this.#taken })
      // The upload needs it not.
      .catch(() => {})
      .finally(() => {
        this.#saving = null;
      });
    await this.#saving;
  }
}
