// Ends uploads before their time, for whoever looks after the server: one that a client sends, or those that wait for one.

import { DyncError, errorMeanings } from "../base/error.ts";
import { Turns } from "../base/turns.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import { giveUp, type RecoveryParts } from "./recovery.ts";
import type { Upload } from "./upload.ts";
import type { ShownUpload, UploadRecords } from "./upload-records.ts";

export interface UploadEndsParts extends RecoveryParts {
  readonly records: UploadRecords;
  /** The upload with this id, where something is being done with it. */
  readonly activeOf: (id: string) => Upload | null;
}

/** Uploads that wait for their clients. */
export interface WaitingQuery {
  readonly user?: string | undefined;
  /** Nothing was heard of them since then (ISO 8601, UTC). */
  readonly before: string;
}

export interface EndedUploads {
  readonly uploads: number;
  /** That are free now: as far as they were durable. */
  readonly bytes: number;
}

/** Its client does not try again, and keeps nothing to go on with. */
const cancelledCode = errorMeanings["content-rejected"].wire;
const cancelledText =
  "The upload was cancelled on the server, by whoever looks after it: what had arrived is deleted";
/** What expires by itself: its client may begin anew. */
const expiredCode = errorMeanings["timed-out"].wire;
const expiredText = "Expired before its time: whoever looks after the server gave it up";

const pageRecords = 100;

export class UploadEnds {
  readonly #parts: UploadEndsParts;

  constructor(parts: UploadEndsParts) {
    this.#parts = parts;
  }

  /**
   * Ends each of these uploads, whether its client is there or not, and deletes its bytes. Throws `DyncError`, and ends none, where
   * an id is none of an upload that can be ended; "not-ready" when one was stored, or taken, meanwhile.
   */
  async cancel(ids: readonly string[]): Promise<readonly ShownUpload[]> {
    const open = await this.#open(ids);
    const shown = open.map((record) => this.#parts.records.shown(record));
    for (const record of open) {
      const active = this.#parts.activeOf(record.id);
      active?.stop(cancelledCode, cancelledText, false);
      await active?.closing;
      await this.#end(record.id, cancelledCode, cancelledText);
    }
    return shown;
  }

  /** Gives each of these up, as if it had expired. Throws `DyncError`, and ends none, where one is not waiting for its client. */
  async expire(ids: readonly string[]): Promise<readonly ShownUpload[]> {
    const open = await this.#open(ids);
    for (const { id } of open)
      if (this.#parts.activeOf(id) !== null)
        throw new DyncError("usage", `The client of the upload ${id} is there: it does not wait for one`, {
          hint: `"dync-server uploads cancel ${id}" ends it all the same`,
        });
    const shown = open.map((record) => this.#parts.records.shown(record));
    for (const { id } of open) await this.#end(id, expiredCode, expiredText);
    return shown;
  }

  /** Gives up all that `query` is about, unless `isTrial`, and tells each. */
  async expireAll(
    { user, before }: WaitingQuery,
    isTrial: boolean,
    tell: (upload: ShownUpload) => Promise<void>,
    signal: AbortSignal,
  ): Promise<EndedUploads> {
    const { catalogue, records, activeOf } = this.#parts;
    const ended = { uploads: 0, bytes: 0 };
    const turns = new Turns(1, signal);
    for (let last: UploadRecord | null = null; ; await turns.step()) {
      const page: readonly UploadRecord[] = await catalogue.unchanged("open", before, last, pageRecords);
      for (const record of page) {
        signal.throwIfAborted();
        if ((user !== undefined && record.user !== user) || activeOf(record.id) !== null) continue;
        // Its client may have come back, and gone again, since it was looked up.
        const shown = records.shown(record);
        if (!isTrial && !(await giveUp(record, expiredCode, expiredText, this.#parts))) continue;
        ended.uploads++;
        ended.bytes += record.durable;
        await tell(shown);
      }
      last = page.at(-1) ?? null;
      if (last === null) return ended;
    }
  }

  async #open(ids: readonly string[]): Promise<readonly UploadRecord[]> {
    const { records } = this.#parts;
    const found = new Map<string, UploadRecord>();
    for (const id of ids) {
      const record = await records.find(id);
      if (record.state !== "open")
        throw new DyncError("usage", `The upload ${record.id} cannot be ended: ${endedTexts[record.state]}`, {
          hint: `"dync-server uploads show ${record.id}" says more`,
        });
      found.set(record.id, record);
    }
    return [...found.values()];
  }

  /** Has the upload end that nobody works on any more; one that ended by itself is fine. */
  async #end(id: string, code: number, text: string): Promise<void> {
    const record = await this.#parts.catalogue.get(id);
    if (record === null || record.state === "failed") return;
    const isFree = record.state === "open" && this.#parts.activeOf(id) === null;
    if (isFree && (await giveUp(record, code, text, this.#parts))) return;
    const what = record.state === "open" ? "its client has just come" : endedTexts[record.state];
    throw new DyncError("not-ready", `The upload ${id} was not ended: ${what}`, {
      hint: `"dync-server uploads show ${id}" says what became of it`,
    });
  }
}

const endedTexts = {
  publishing: "all of it has come, and it gets its name",
  finished: "it is stored",
  failed: "it failed before",
  open: "it goes on",
} as const;
