// What is written down about one upload while it has a session: its record in the catalogue, and the log.

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";

export interface JournalParts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Identifies the running system, see `UploadRecord`. */
  readonly bootId: string | null;
}

/** A record that says the same is written again after this long: how old it is decides when the upload expires. */
const recordAgainMs = 3_600_000;

export class UploadJournal {
  readonly #parts: JournalParts;
  readonly #id: string;
  readonly #about: LogFields;
  /** What the record says, and since when (monotonic ms); `null` where that is not known. */
  #recorded: { readonly offset: number; readonly bootId: string | null; readonly at: number } | null = null;

  constructor(
    { id, user, name }: { readonly id: string; readonly user: string; readonly name: string },
    parts: JournalParts,
  ) {
    this.#id = id;
    this.#about = { upload: id, user, name };
    this.#parts = parts;
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.#parts.logger.log(level, message, { ...this.#about, ...fields });
  }

  /** The record of a new upload was written. */
  begun(): void {
    this.#recorded = { offset: 0, bootId: this.#parts.bootId, at: this.#parts.clock.now() };
  }

  /**
   * `offset` bytes survive a power cut. `isSuspect`: what lies behind them is not to be trusted even while the
   * system runs on.
   */
  durable(offset: number, isSuspect: boolean): void {
    const bootId = isSuspect ? null : this.#parts.bootId;
    const at = this.#parts.clock.now();
    const before = this.#recorded;
    // A thousand silent uploads that give up their places have nothing new to write down.
    const isNew = before === null || before.offset !== offset || before.bootId !== bootId;
    if (!isNew && at - before.at < recordAgainMs) return;
    try {
      this.#parts.catalogue.change(this.#id, { durable: offset, bootId, updatedAt: this.#now() });
      this.#recorded = { offset, bootId, at };
    } catch (error) {
      // The record only says less than the disk holds: nothing is lost by going on. And what is suspect is cut off when the
      // upload is put away, see stored-bytes.ts.
      this.log("warn", "The catalogue was not updated", { reason: messageOf(error) });
    }
  }

  /** Complete since `receivedAt` (ISO 8601), and about to get its name. */
  publishing(sha256: string, receivedAt: string): void {
    const change = { state: "publishing", sha256, receivedAt, updatedAt: this.#now() } as const;
    this.#parts.catalogue.change(this.#id, change);
  }

  finished(): void {
    this.#parts.catalogue.change(this.#id, { state: "finished", updatedAt: this.#now() });
  }

  failed(errorCode: number, reason: string): void {
    this.#parts.catalogue.change(this.#id, { state: "failed", errorCode, reason, updatedAt: this.#now() });
  }

  #now(): string {
    return this.#parts.clock.date().toISOString();
  }
}
