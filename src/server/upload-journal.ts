// What is written down about one upload while it has a session: its record in the catalogue, and the log.

import { type Audit, endedEvent } from "../audit/audit.ts";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { Catalogue, Hold, UploadChange } from "../catalogue/catalogue.ts";
import type { StoredNote } from "../storage/storage.ts";
import { type Destination, pathOf } from "../upload/destination.ts";
import type { AfterHooks, StoredUpload } from "./after-hooks.ts";

export interface JournalParts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who wants to be told of what was stored; nobody unless given. */
  readonly afterHooks?: AfterHooks | undefined;
  /** Who writes down for good what becomes of uploads; nobody unless given. */
  readonly audit?: Audit | undefined;
}

/** Somebody else has taken the upload, or it is not in the state in which it was found. */
export function takenElsewhere(): DyncError {
  return new DyncError("not-ready", "Something else is being done with this upload");
}

type Without<Change> = Change extends unknown ? Omit<Change, "at"> : never;

/** As `Catalogue.change`, now. */
export function change(
  hold: Hold,
  what: Without<UploadChange>,
  { catalogue, clock }: Pick<JournalParts, "catalogue" | "clock">,
): Promise<boolean> {
  return catalogue.change(hold, { ...what, at: clock.date().toISOString() } as UploadChange);
}

/** Writes down for good that an upload ended without being stored. `about` has its id, user and name. */
export function recordEnd(
  about: LogFields & { readonly code: number; readonly reason: string },
  { audit }: Pick<JournalParts, "audit">,
): void {
  audit?.record({ event: endedEvent(about.code), ...about });
}

/** A record that says the same is written again after this long: how old it is decides when the upload expires. */
const recordAgainMs = 3_600_000;
// A record that was written lately says by itself that the upload goes on.
const heardAgainMs = 60_000;

export class UploadJournal {
  readonly #parts: JournalParts;
  readonly #hold: Hold;
  readonly #about: LogFields;
  /** What the record says, and since when (monotonic ms); `null` where that is not known. */
  #recorded: (StoredNote & { readonly at: number }) | null;
  /** What had come when that was asked last. */
  #heardBytes: number | null = null;

  /** `hold` is on the record of an upload that begins with `note`; `null`: an earlier process left it. */
  constructor(hold: Hold, note: StoredNote | null, about: LogFields, parts: JournalParts) {
    this.#hold = hold;
    this.#about = about;
    this.#parts = parts;
    this.#recorded = note === null ? null : { ...note, at: parts.clock.now() };
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.#parts.logger.log(level, message, { ...this.#about, ...fields });
  }

  /** Writes down that its client goes on with it. Never rejects. */
  async resumed(): Promise<void> {
    try {
      await this.#change({ verb: "resume" });
    } catch (error) {
      // It is told once less that it was.
      this.log("warn", "The catalogue was not updated", { reason: messageOf(error) });
    }
  }

  /** Writes down what can be relied on of its bytes; resolves whether the record says so. Never rejects. */
  async stored({ durable, mark }: StoredNote): Promise<boolean> {
    const at = this.#parts.clock.now();
    const before = this.#recorded;
    // A thousand silent uploads that give up their places have nothing new to write down.
    const isNew = before === null || before.durable !== durable || before.mark !== mark;
    if (!isNew && at - before.at < recordAgainMs) return true;
    try {
      const isOurs = await this.#change({ verb: "progress", durable, mark });
      this.#recorded = { durable, mark, at };
      return isOurs;
    } catch (error) {
      // The record only says less than the storage holds: nothing is lost by going on. And what is suspect is cut off when
      // the upload is put away, see partial-sink.ts.
      this.log("warn", "The catalogue was not updated", { reason: messageOf(error) });
      return false;
    }
  }

  /**
   * Writes down that more came than had when it was asked last, to `bytes`, where the record was not written for other reasons:
   * by that other servers see that it goes on. Never rejects.
   */
  async heard(bytes: number): Promise<void> {
    const { clock } = this.#parts;
    const isMore = this.#heardBytes !== null && bytes > this.#heardBytes;
    this.#heardBytes = bytes;
    const isRecent = this.#recorded !== null && clock.now() - this.#recorded.at < heardAgainMs;
    if (!isMore || isRecent || this.#hold.owner.leaseMs === 0) return;
    try {
      await this.#change({ verb: "hear" });
    } catch (error) {
      // It is seen later that it goes on.
      this.log("warn", "The catalogue was not updated", { reason: messageOf(error) });
    }
  }

  /** As `stored`, and that nobody works on it from now on: where there are other servers, the next one need not wait. Never rejects. */
  async putAway(note: StoredNote): Promise<void> {
    if (this.#hold.owner.leaseMs === 0) return void (await this.stored(note));
    try {
      await this.#change({ verb: "progress", ...note, isPutAway: true });
    } catch (error) {
      this.log("warn", "The catalogue was not updated", { reason: messageOf(error) });
    }
  }

  /** Complete since `receivedAt` (ISO 8601), with so many bytes, and about to get its name. Rejects when another server has taken it. */
  async publishing(sha256: string, content: string, receivedAt: string, bytes: number): Promise<void> {
    const what = { verb: "begin-publish", sha256, content, receivedAt, bytes } as const;
    if (!(await this.#change(what))) throw takenElsewhere();
  }

  /** Complete since `receivedAt` (ISO 8601), and held until it has other metadata. Rejects when another server has taken it. */
  async waiting(sha256: string, content: string, receivedAt: string, bytes: number): Promise<void> {
    if (!(await this.#change({ verb: "wait", sha256, content, receivedAt, bytes }))) throw takenElsewhere();
  }

  /** `upload` is published at `destination`. Rejects when another server has taken it. */
  async finished(upload: StoredUpload, destination: Destination): Promise<void> {
    const { afterHooks } = this.#parts;
    const deliveries = (await afterHooks?.deliveriesOf(upload, destination)) ?? [];
    const size = upload.size === null ? {} : { size: upload.size };
    if (!(await this.#change({ verb: "finish", deliveries, ...size }))) throw takenElsewhere();
    const { id, user, name, sha256, contents } = upload;
    this.#parts.audit?.record({
      ...{ event: "finished", upload: id, user, name, path: pathOf(destination) },
      ...{ size: upload.size, sha256, ...(contents === null ? {} : { dataset: contents.layout }) },
    });
    afterHooks?.look(deliveries);
  }

  /** It turned out not to be complete: its client goes on from `durable` bytes. */
  async reopened(durable: number): Promise<void> {
    await this.#change({ verb: "reopen", durable });
  }

  /** Returns whether it is still ours: what is stored of an upload that another server has taken is not touched. */
  async failed(errorCode: number, reason: string): Promise<boolean> {
    const isOurs = await this.#change({ verb: "fail", errorCode, reason });
    if (isOurs) recordEnd({ ...this.#about, code: errorCode, reason }, this.#parts);
    return isOurs;
  }

  #change(what: Without<UploadChange>): Promise<boolean> {
    return change(this.#hold, what, this.#parts);
  }
}
