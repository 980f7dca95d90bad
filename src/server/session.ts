// An upload while it is active on the server: its handles on storage, catalogue, credit and room, from the moment when it
// is admitted or taken up again until they are put away. Does what the upload's machine decided, and says what became of it.

import type { Hash } from "node:crypto";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { Hold, UploadRecord } from "../catalogue/catalogue.ts";
import type { ProcessSettings } from "../config/server-settings.ts";
import type { CreditOffice, CreditReport } from "../protocol/credit-office.ts";
import type { PostFile } from "../protocol/message.ts";
import type { ServerAction, ServerInput } from "../protocol/server-events.ts";
import type { Refusal } from "../protocol/upload-life.ts";
import type { Partial } from "../storage/storage.ts";
import type { Received } from "../transport/transport.ts";
import type { UploadKey } from "../upload/upload.ts";
import { type AdmissionParts, admit, type MakeWay, refusalOf, roomFor, troubleOf } from "./admission.ts";
import { type FinishResult, finishUpload } from "./finish.ts";
import type { ParkedHashes } from "./parked-hashes.ts";
import {
  bytesGone,
  change,
  giveUp,
  metadataLost,
  metadataOf,
  takenElsewhere,
  trustedLength,
} from "./recovery.ts";
import { StoredBytes, type StoredBytesEvents } from "./stored-bytes.ts";
import { UploadJournal } from "./upload-journal.ts";

export interface SessionParts extends AdmissionParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: ProcessSettings;
  readonly office: CreditOffice;
  readonly hashes: ParkedHashes;
  /** The credit office may have something to give now. */
  readonly onCreditChanged: () => void;
}

type Done = Extract<ServerAction, { type: "done" }>;
type Admitted = Extract<ServerInput, { type: "admitted" | "refused" }>;
type Restored = Extract<ServerInput, { type: "restored" }> | ({ readonly type: "refused" } & Refusal);

// After this many failed writes or syncs, without a byte stored that was not before, the storage is not coming back by itself.
const storageFailuresMax = 3;

export class Session {
  readonly key: UploadKey;
  /** Key text: the key that began it, or the first that went on with an upload of which that is not known. */
  readonly origin: string;
  readonly name: string;
  readonly #parts: SessionParts;
  readonly #feed: (input: ServerInput) => void;
  readonly #stop = new AbortController();
  readonly #startedAt: number;
  /** What each line of its log is about. */
  readonly #about: LogFields;
  #journal: UploadJournal | null = null;
  #post: PostFile | null = null;
  #bytes: StoredBytes | null = null;
  #admitting: Promise<unknown> = Promise.resolve();
  #finishing: Promise<FinishResult> | null = null;
  #storageFailures = 0;
  /** Most bytes that were stored so far. */
  #lengthMax = 0;
  #activeAt: number;
  #startOffset = 0;

  /** `feed` takes what becomes of what is done here, while it is open. */
  constructor(
    key: UploadKey,
    origin: string,
    name: string,
    parts: SessionParts,
    feed: (input: ServerInput) => void,
  ) {
    this.key = key;
    this.origin = origin;
    this.name = name;
    this.#parts = parts;
    this.#feed = feed;
    this.#about = { upload: key.id, user: key.user, name };
    parts.office.join(key.id, key.user);
    this.#startedAt = this.#activeAt = parts.clock.now();
  }

  /** When it began here or its last chunk came, monotonic ms. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** Whether its storage is open. */
  get isOpen(): boolean {
    return this.#bytes !== null;
  }

  hearCredit(report: CreditReport): void {
    this.#parts.office.hear(this.key.id, report, this.#parts.clock.now());
    this.#parts.onCreditChanged();
  }

  /** Begins a new upload; see `admit` in admission.ts. */
  admit(post: PostFile, makeWay: MakeWay): Promise<Admitted> {
    const admitting = this.#admit(post, makeWay);
    this.#admitting = admitting;
    return admitting;
  }

  async #admit(post: PostFile, makeWay: MakeWay): Promise<Admitted> {
    const { identity, id, user } = this.key;
    const createdAt = this.#parts.clock.date().toISOString();
    try {
      const request = { id, identity, user, origin: this.origin, post, createdAt };
      const { hold, partial } = await admit(request, makeWay, this.#parts);
      // Also when the upload ended meanwhile: then all of this is put away with it.
      const journal = this.#openJournal(hold, true);
      this.#post = post;
      this.#open(partial, 0, null, journal);
      journal.log("info", "Upload started", { size: post.info.size ?? null, client: post.info.client });
      return { type: "admitted", admission: { uploadId: id, offset: 0 }, hashed: true };
    } catch (error) {
      const refusal = refusalOf(error, post.metadataText);
      this.#log("warn", "Upload refused", { code: refusal.code, ...troubleOf(error) });
      return { type: "refused", ...refusal };
    }
  }

  #openJournal(hold: Hold, isNew: boolean): UploadJournal {
    const journal = new UploadJournal(hold, isNew, this.#about, this.#parts);
    this.#journal = journal;
    return journal;
  }

  #log(level: LogLevel, message: string, fields: LogFields): void {
    this.#parts.logger.log(level, message, { ...this.#about, ...fields });
  }

  /**
   * Goes on with an upload that has a record; hashes what is stored beside the rest, where the state of the hash was not kept.
   * Rejects when that is not possible just now.
   */
  async restore(): Promise<Restored> {
    const { storage, room, bootId, catalogue, owner } = this.#parts;
    const { id, user } = this.key;
    const taken = await catalogue.take(id, owner);
    if (taken.type !== "taken" || taken.record.state !== "open") {
      return { type: "refused", ...refusalOf(takenElsewhere()) };
    }
    const { hold, record } = taken;
    const metadata = await metadataOf(record, this.#parts);
    if (metadata === null) {
      const [code, text] = metadataLost;
      await giveUp(record, code, text, this.#parts, hold);
      return { type: "refused", code, text };
    }
    // A crash came between its record and its storage, or with nothing durable: it begins at its beginning.
    const partial = (await storage.open(id)) ?? (record.durable === 0 ? await storage.create(id) : null);
    if (partial === null) {
      await change(hold, { verb: "fail", errorCode: 404, reason: bytesGone }, this.#parts);
      return { type: "refused", code: 404, text: bytesGone };
    }
    try {
      const trusted = trustedLength(record, partial.length, bootId);
      if (trusted < partial.length) await partial.truncate(trusted);
      const missing = record.size === null ? null : Math.max(0, record.size - trusted);
      await room.reserve(id, user, roomFor(missing, metadata), trusted);
      const journal = this.#openJournal(hold, false);
      return this.#goOn(postOf(record, metadata), partial, Math.min(record.durable, trusted), journal);
    } catch (error) {
      await partial.close();
      throw error;
    }
  }

  #goOn(post: PostFile, partial: Partial, durable: number, journal: UploadJournal): Restored {
    this.#post = post;
    this.#startOffset = partial.length;
    const hash = this.#parts.hashes.take(this.key.id, partial.length);
    const bytes = this.#open(partial, durable, hash, journal);
    const admission = { uploadId: this.key.id, offset: partial.length };
    const hashed = partial.length === 0 || hash !== null;
    journal.log("info", "Upload resumed", { offset: partial.length });
    if (!hashed) {
      bytes.rehash(this.#stop.signal).then(
        () => this.#tell({ type: "hash-ready" }),
        (error) => this.#giveUp(error),
      );
    }
    return { type: "restored", post, admission, hashed };
  }

  #open(partial: Partial, durable: number, hash: Hash | null, journal: UploadJournal): StoredBytes {
    const events: StoredBytesEvents = {
      onWritten: (bytes) => {
        this.#noteWritten();
        this.#parts.room.use(this.key.id, bytes);
        this.#feed({ type: "written" });
      },
      onDurable: (offset) => void journal.durable(offset, false),
      onFailed: (error) => void this.#recover(error, journal),
    };
    this.#bytes = new StoredBytes(partial, durable, this.#parts.options.syncEveryBytes, events, hash);
    return this.#bytes;
  }

  // The same bytes once more are no progress: their end may be what cannot be stored.
  #noteWritten(): void {
    const length = this.#bytes?.length ?? 0;
    if (length <= this.#lengthMax) return;
    this.#lengthMax = length;
    this.#storageFailures = 0;
  }

  // What happens to handles that are being put away concerns nobody.
  #tell(input: ServerInput): void {
    if (!this.#stop.signal.aborted) this.#feed(input);
  }

  /** Appends `data`, which lies in the memory of `received`: that is released when it is written. */
  write(data: Uint8Array, received: Received | null): void {
    assert(this.#bytes !== null && received !== null, "a write has a chunk and a storage");
    this.#activeAt = this.#parts.clock.now();
    this.#bytes.write({ data, release: () => received.release() });
  }

  /** Compares with the announced checksum, and publishes. */
  async finish(size: number, checksum: Uint8Array): Promise<void> {
    assert(this.#bytes !== null && this.#post !== null, "a finish follows an admission");
    assert(this.#journal !== null, "what is open has a record");
    const { name, metadataText, info } = this.#post;
    const { modified = null, client = null } = info;
    const receivedAt = this.#parts.clock.date().toISOString();
    const upload = { ...this.key, name, metadataText, size, modified, receivedAt, client };
    this.#finishing = finishUpload(upload, checksum, this.#bytes, this.#journal);
    const result = await this.#finishing;
    this.#tell(result);
  }

  async #recover(error: unknown, journal: UploadJournal): Promise<void> {
    // Publishing fails by it too, and nothing may be cut back that may be under its final name already.
    if (this.#finishing !== null) return;
    this.#log("error", "Writing failed", { ...troubleOf(error), offset: this.#bytes?.length ?? null });
    const full = error instanceof DyncError && error.code === "no-space";
    const bytes = this.#bytes;
    if (bytes === null || this.#stop.signal.aborted) return;
    await journal.durable(bytes.durable, bytes.isSuspect);
    if (this.#stop.signal.aborted) return;
    if (full || ++this.#storageFailures >= storageFailuresMax) {
      return this.#feed({ type: "storage-failed", ...refusalOf(error), keep: true });
    }
    try {
      const offset = await bytes.rewind(this.#stop.signal);
      await journal.durable(offset, false);
      this.#tell({ type: "rewound", offset });
    } catch (again) {
      this.#giveUp(again);
    }
  }

  #giveUp(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#log("error", "The stored bytes cannot be used", troubleOf(error));
    this.#feed({ type: "storage-failed", ...refusalOf(error), keep: true });
  }

  /** Puts everything away; never rejects. */
  async close(done: Done): Promise<void> {
    this.#stop.abort();
    const { office, onCreditChanged } = this.#parts;
    // What is being written just now stays in memory, and in the account, until it is put away.
    office.end(this.key.id);
    this.#logEnd(done);
    onCreditChanged();
    try {
      await this.#putAway(done);
    } catch (error) {
      this.#log("error", "The upload was not put away cleanly", { reason: messageOf(error) });
    }
    this.leave();
  }

  /** Nothing of it is open any more. */
  leave(): void {
    this.#parts.office.leave(this.key.id);
    this.#parts.onCreditChanged();
  }

  async #putAway({ outcome, code, text }: Done): Promise<void> {
    await this.#admitting;
    this.#parts.room.release(this.key.id);
    const bytes = this.#bytes;
    // What is being published stays published, whatever ended the upload meanwhile.
    if (bytes === null || (await this.#finishing)?.type === "finished") return;
    if (outcome === "suspended") {
      await this.#journal?.durable(await bytes.close(), bytes.isSuspect);
      if (bytes.parkedHash !== null) this.#parts.hashes.keep(this.key.id, bytes.parkedHash);
    } else if (outcome === "failed") {
      // Where it cannot be recorded, its client hears 404 when it asks again: nothing is left of it either way.
      let isOurs = true;
      try {
        isOurs = (await this.#journal?.failed(code, text)) !== false;
      } finally {
        await (isOurs ? bytes.discard() : bytes.close());
      }
    }
  }

  #logEnd({ outcome, code, text }: Done): void {
    if (outcome === "finished") {
      const seconds = Math.max(0.001, (this.#parts.clock.now() - this.#startedAt) / 1000);
      const size = this.#bytes?.length ?? 0;
      const rate = Math.round((size - this.#startOffset) / seconds);
      this.#log("info", "Upload finished", {
        size,
        seconds: Math.round(seconds * 1000) / 1000,
        rate,
      });
    } else if (this.#post !== null) {
      const message = outcome === "suspended" ? "Upload suspended" : "Upload failed";
      this.#log("warn", message, { code, reason: text, offset: this.#bytes?.length ?? null });
    }
  }
}

function postOf({ name, size, modified, client }: UploadRecord, metadataText: string): PostFile {
  const info = {
    ...(size === null ? {} : { size }),
    ...(modified === null ? {} : { modified }),
    ...(client === null ? {} : { client }),
  };
  return { type: "post-file", name, metadataText, info };
}
