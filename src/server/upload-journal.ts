// What is written down about one upload while it has a session: its record in the catalogue, and the log.

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { Catalogue, Hold } from "../catalogue/catalogue.ts";
import { change, takenElsewhere } from "./recovery.ts";

export interface JournalParts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Identifies the running system, see `UploadRecord`. */
  readonly bootId: string | null;
}

/** A record that says the same is written again after this long: how old it is decides when the upload expires. */
const recordAgainMs = 3_600_000;

/** What the record says, and since when (monotonic ms). */
interface Recorded {
  readonly offset: number;
  readonly bootId: string | null;
  readonly at: number;
}

export class UploadJournal {
  readonly #parts: JournalParts;
  readonly #hold: Hold;
  readonly #about: LogFields;
  /** `null` where that is not known. */
  #recorded: Recorded | null;

  /** `hold` is on the record of a new upload, or of one that an earlier process left. */
  constructor(hold: Hold, isNew: boolean, about: LogFields, parts: JournalParts) {
    this.#hold = hold;
    this.#about = about;
    this.#parts = parts;
    this.#recorded = isNew ? { offset: 0, bootId: parts.bootId, at: parts.clock.now() } : null;
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.#parts.logger.log(level, message, { ...this.#about, ...fields });
  }

  /**
   * `offset` bytes survive a power cut. `isSuspect`: what lies behind them is not to be trusted even while the
   * system runs on. Never rejects.
   */
  async durable(offset: number, isSuspect: boolean): Promise<void> {
    const bootId = isSuspect ? null : this.#parts.bootId;
    const at = this.#parts.clock.now();
    const before = this.#recorded;
    // A thousand silent uploads that give up their places have nothing new to write down.
    const isNew = before === null || before.offset !== offset || before.bootId !== bootId;
    if (!isNew && at - before.at < recordAgainMs) return;
    try {
      await change(this.#hold, { verb: "progress", durable: offset, bootId }, this.#parts);
      this.#recorded = { offset, bootId, at };
    } catch (error) {
      // The record only says less than the disk holds: nothing is lost by going on. And what is suspect is cut off when the
      // upload is put away, see stored-bytes.ts.
      this.log("warn", "The catalogue was not updated", { reason: messageOf(error) });
    }
  }

  /** Complete since `receivedAt` (ISO 8601), and about to get its name. Rejects when another server has taken it. */
  async publishing(sha256: string, receivedAt: string): Promise<void> {
    if (!(await change(this.#hold, { verb: "begin-publish", sha256, receivedAt }, this.#parts)))
      throw takenElsewhere();
  }

  /** Rejects when another server has taken it. */
  async finished(): Promise<void> {
    if (!(await change(this.#hold, { verb: "finish" }, this.#parts))) throw takenElsewhere();
  }

  /** Returns whether it is still ours: what is stored of an upload that another server has taken is not touched. */
  failed(errorCode: number, reason: string): Promise<boolean> {
    return change(this.#hold, { verb: "fail", errorCode, reason }, this.#parts);
  }
}
