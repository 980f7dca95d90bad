// Leaves the server when the source has had nothing to send for a while, and comes back when there is more, or after some hours: an
// instrument may pause for days, in which nobody has to keep a place for it. Used by `upload.ts`.

import type { CancelTimer, Clock } from "../base/clock.ts";

export interface RestParts {
  readonly clock: Clock;
  /** Closes the connection; returns whether that was possible just now. */
  readonly leave: () => boolean;
  readonly comeBack: () => void;
}

// Short beside what a place costs others, long beside the pauses of an instrument that is at work, and of who looks at a run of very many
// files, every some minutes: a server that is come back to reads again what it wrote down of all of them.
const idleMsMax = 15 * 60_000;
// Servers forget an upload of which they heard nothing for days.
const awayMsMax = 3 * 60 * 60_000;

export class Rest {
  readonly #parts: RestParts;
  #state: "busy" | "idle" | "away" | "closed" = "busy";
  #cancel: CancelTimer = () => {};

  constructor(parts: RestParts) {
    this.#parts = parts;
  }

  /** The source owes the next chunk, from now on or still, or no more. */
  owed(isOwed: boolean): void {
    if (this.#state === "closed") return;
    if (isOwed && this.#state === "busy") return this.#idle();
    if (isOwed || this.#state === "busy") return;
    const wasAway = this.#state === "away";
    this.#cancel();
    this.#state = "busy";
    if (wasAway) this.#parts.comeBack();
  }

  #idle(): void {
    this.#state = "idle";
    this.#cancel = this.#parts.clock.after(idleMsMax, () => {
      if (this.#parts.leave()) this.#away();
      else this.#idle();
    });
  }

  #away(): void {
    this.#state = "away";
    this.#cancel = this.#parts.clock.after(awayMsMax, () => {
      this.#idle();
      this.#parts.comeBack();
    });
  }

  /** Nothing is done any more. */
  close(): void {
    this.#cancel();
    this.#state = "closed";
  }
}
