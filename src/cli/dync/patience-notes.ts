// What a command says of how long it keeps trying: when it begins to wait, and when it gives up. Used by `reporter.ts`.

import { DyncError } from "../../base/error.ts";
import type { UploadProgress } from "../../client/upload.ts";
import { formatDuration } from "../../config/duration.ts";

/** As somebody would write it: `15 min`, `24 h`; anything uneven as a clock shows it. */
function roundDuration(durationMs: number): string {
  const minutes = durationMs / 60_000;
  if (minutes < 1 || !Number.isInteger(minutes)) return formatDuration(durationMs);
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}

export interface PatienceNotesOptions {
  readonly retryForMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly note: (text: string) => void;
}

/** Follows one upload. A cut that is over with the first try is not worth a word. */
export class PatienceNotes {
  readonly #options: PatienceNotesOptions;
  /** The first pause since the upload last got further. */
  #since: number | null = null;
  #pauses = 0;
  #sent = 0;
  #until = 0;

  constructor(options: PatienceNotesOptions) {
    this.#options = options;
  }

  /** The upload says what it is doing. */
  see({ sent, pause }: UploadProgress): void {
    if (sent > this.#sent) {
      this.#sent = sent;
      this.#since = null;
      this.#pauses = 0;
    }
    // A server that shows another key is tried some times, whatever the patience is.
    if (pause === null || pause.until === this.#until || pause.code === "wrong-server") return;
    this.#until = pause.until;
    this.#since ??= this.#options.now();
    this.#pauses += 1;
    if (this.#pauses !== 2) return;
    const { note, retryForMs } = this.#options;
    note(`${pause.reason}: trying again for ${roundDuration(retryForMs)} at most (--retry-for)`);
  }

  /** The error that ended the upload, with how long it was tried, where that ended it. */
  gaveUp(error: unknown): unknown {
    if (!(error instanceof DyncError) || !error.meaning.retry || this.#since === null) return error;
    const tried = formatDuration(this.#options.now() - this.#since);
    return error.reworded({ message: `${error.message}; gave up after trying for ${tried}` });
  }
}
