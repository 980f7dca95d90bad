// Reads stored files again, for whoever asks whether they are still what was stored: gently, and for as long as somebody waits.

import type { Clock } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import type { TokenBucket } from "../base/token-bucket.ts";
import { Turns } from "../base/turns.ts";
import type { Catalogue, UploadRecord } from "../catalogue/catalogue.ts";
import type { Flaw, Storage } from "../storage/storage.ts";
import { ReadingPace, readAgain, readingBucket } from "./paced-reading.ts";
import type { UploadQuery, UploadRecords } from "./upload-records.ts";

/** Which uploads, and how fast. */
export interface VerifyOrder {
  /** Ids, or how they begin; `null`: those of `query`. */
  readonly ids: readonly string[] | null;
  readonly query: UploadQuery;
  /** So many of these, at random; `null`: all. */
  readonly sample: number | null;
  /** `null`: as fast as it goes. */
  readonly bytesPerSecond: number | null;
}

export type VerifyLine =
  | {
      readonly type: "progress";
      readonly uploads: number;
      readonly uploadsTotal: number | null;
      readonly bytes: number;
      readonly bytesTotal: number | null;
    }
  | ({
      readonly type: "flaw";
      readonly id: string;
      readonly user: string;
      /** Whether the upload as a whole is not there. */
      readonly isGone: boolean;
    } & Flaw);

/** Numbers of uploads, each of which is one of three; and bytes that were read. */
export interface Verified {
  readonly uploads: number;
  readonly sound: number;
  readonly damaged: number;
  /** Of them nothing is there. */
  readonly missing: number;
  readonly bytes: number;
}

export interface VerificationParts {
  readonly catalogue: Catalogue;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly records: UploadRecords;
}

const tellEveryMs = 250;

export class Verification {
  readonly #parts: VerificationParts;

  constructor(parts: VerificationParts) {
    this.#parts = parts;
  }

  /** Tells each flaw, and how far it is. Throws `DyncError` where an id is none of something stored; rejects when `signal` aborts. */
  async run(
    order: VerifyOrder,
    tell: (line: VerifyLine) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Verified> {
    const { ids, sample, query } = order;
    const chosen = ids ?? (sample === null ? null : await this.#sample(query, sample, signal));
    return await new Run(this.#parts, order, chosen, tell, signal).all();
  }

  /** Ids of `size` uploads, each with the same chance (reservoir sampling), in no order. */
  async #sample(query: UploadQuery, size: number, signal: AbortSignal): Promise<readonly string[]> {
    const ids: string[] = [];
    let seen = 0;
    for await (const record of stored(this.#parts.records, query, signal)) {
      const at = seen < size ? seen : Math.floor(Math.random() * (seen + 1));
      if (at < size) ids[at] = record.id;
      seen++;
    }
    return ids;
  }
}

async function* stored(
  records: UploadRecords,
  query: UploadQuery,
  signal: AbortSignal,
): AsyncGenerator<UploadRecord> {
  const all = records.each({ ...query, states: ["stored"] }, Number.MAX_SAFE_INTEGER, signal);
  for await (const record of all) if (record !== "unsure") yield record;
}

/** One order that is being done. */
class Run {
  readonly #parts: VerificationParts;
  readonly #query: UploadQuery;
  /** `null`: all of the query. */
  readonly #ids: readonly string[] | null;
  readonly #tell: (line: VerifyLine) => Promise<void>;
  readonly #signal: AbortSignal;
  readonly #bucket: TokenBucket | null;
  readonly #turns: Turns;
  readonly #readingPace: ReadingPace;
  #total: { readonly uploads: number; readonly bytes: number } | null = null;
  #found = { uploads: 0, sound: 0, damaged: 0, missing: 0, bytes: 0 };
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(
    parts: VerificationParts,
    { query, bytesPerSecond: rate }: VerifyOrder,
    ids: readonly string[] | null,
    tell: (line: VerifyLine) => Promise<void>,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#query = query;
    this.#ids = ids;
    this.#tell = tell;
    this.#signal = signal;
    this.#bucket = rate === null ? null : readingBucket(rate);
    this.#turns = new Turns(1, signal);
    this.#readingPace = new ReadingPace(parts.clock, signal, () => this.#tellProgress());
  }

  async all(): Promise<Verified> {
    let [uploads, bytes] = [0, 0];
    for await (const { size } of this.#records()) {
      uploads++;
      bytes += size ?? 0;
      await this.#tellProgress();
    }
    this.#total = { uploads, bytes };
    for await (const record of this.#records()) await this.#verify(record);
    this.#toldAt = Number.NEGATIVE_INFINITY;
    await this.#tellProgress();
    return this.#found;
  }

  async *#records(): AsyncGenerator<UploadRecord> {
    const { records } = this.#parts;
    if (this.#ids === null) return yield* stored(records, this.#query, this.#signal);
    for (const id of this.#ids) {
      const record = await records.find(id);
      if (record.state !== "finished")
        throw new DyncError("usage", `The upload ${record.id} is not stored: there is nothing to compare`, {
          hint: `"dync-server uploads show ${record.id}" says what became of it`,
        });
      yield record;
      await this.#turns.step();
    }
  }

  async #verify(record: UploadRecord): Promise<void> {
    const { id, user } = record;
    const flaws: Flaw[] = [];
    let hasFlaw = false;
    // Whether all of it is gone is known at the end; until then there is one flaw, which says so.
    const tellAll = async (isGone: boolean): Promise<void> => {
      for (const flaw of flaws.splice(0)) await this.#tell({ type: "flaw", id, user, isGone, ...flaw });
    };
    const { catalogue, storage } = this.#parts;
    const isThere = await readAgain(record, await catalogue.metadataOf(id), storage, {
      pace: (bytes) => this.#pace(bytes),
      flaw: async (flaw) => {
        hasFlaw = true;
        await tellAll(false);
        flaws.push(flaw);
      },
    });
    await tellAll(!isThere);
    await catalogue.alarms.readAgain(id, isThere && !hasFlaw, this.#parts.clock.date().toISOString());
    this.#found.uploads++;
    this.#found[!isThere ? "missing" : hasFlaw ? "damaged" : "sound"]++;
    await this.#tellProgress();
  }

  async #pace(bytes: number): Promise<void> {
    this.#found.bytes += bytes;
    await this.#readingPace.wait(bytes, this.#bucket);
  }

  async #tellProgress(): Promise<void> {
    const now = this.#parts.clock.now();
    if (now - this.#toldAt < tellEveryMs) return;
    this.#toldAt = now;
    const { uploads, bytes } = this.#found;
    const totals = { uploadsTotal: this.#total?.uploads ?? null, bytesTotal: this.#total?.bytes ?? null };
    await this.#tell({ type: "progress", uploads, bytes, ...totals });
  }
}
