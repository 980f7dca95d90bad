// One upload on the server: performs what its machine decides, on the storage, the catalogue and the link, and
// feeds the results back. It decides nothing about the protocol itself.

import type { Hash } from "node:crypto";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { MachineDriver } from "../base/machine-driver.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import type { ProcessSettings } from "../config/server-settings.ts";
import type { CreditOffice } from "../protocol/credit-office.ts";
import type { ClientMessage, PostFile, ServerMessage } from "../protocol/message.ts";
import type { ServerAction, ServerInput } from "../protocol/server-events.ts";
import { ServerUpload } from "../protocol/server-upload.ts";
import type { Partial } from "../storage/storage.ts";
import type { Received, SendResult } from "../transport/transport.ts";
import type { UploadKey } from "../upload/upload.ts";
import { type AdmissionParts, admit, refusalOf, troubleOf } from "./admission.ts";
import { type FinishResult, finishUpload } from "./finish.ts";
import type { ParkedHashes } from "./parked-hashes.ts";
import { StoredBytes, type StoredBytesEvents } from "./stored-bytes.ts";
import { UploadJournal } from "./upload-journal.ts";

export interface SessionParts extends AdmissionParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: ProcessSettings;
  readonly office: CreditOffice;
  readonly hashes: ParkedHashes;
  /** Name and version of the server program, told to clients. */
  readonly program: string;
  readonly send: (peer: string, message: ServerMessage) => SendResult;
  /** The credit office may have something to give now. */
  readonly onCreditChanged: () => void;
  /** The session takes no more messages; `done` resolves when its handles are closed and its record is written. */
  readonly onEnded: (session: Session, done: Promise<void>) => void;
}

// After this many failed writes or syncs, without a byte stored that was not before, the storage is not coming back by itself.
const storageFailuresMax = 3;

export class Session {
  readonly key: UploadKey;
  /** Key text: the key that began it, or the first that went on with an upload of which that is not known. */
  readonly origin: string;
  readonly #parts: SessionParts;
  readonly #machine: ServerUpload;
  readonly #driver: MachineDriver<ServerInput, ServerAction>;
  readonly #journal: UploadJournal;
  readonly #stop = new AbortController();
  #post: PostFile | null = null;
  #bytes: StoredBytes | null = null;
  #received: Received | null = null;
  #admitting: Promise<void> = Promise.resolve();
  #finishing: Promise<FinishResult> | null = null;
  #storageFailures = 0;
  /** Most bytes that were stored so far. */
  #lengthMax = 0;
  #unreachable = false;
  #startedAt: number;
  #activeAt: number;
  #startOffset = 0;
  #size = 0;

  constructor(key: UploadKey, origin: string, parts: SessionParts) {
    this.key = key;
    this.origin = origin;
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
    const { chunkBytes, windowChunks: maxQueue, idleMs } = parts.options;
    this.#machine = new ServerUpload({ chunkBytes, maxQueue, idleMs, server: parts.program });
    this.#driver = new MachineDriver({
      machine: this.#machine,
      clock: parts.clock,
      perform: (action) => this.#perform(action),
      tick: { type: "tick" },
    });
    this.#journal = new UploadJournal(key, parts);
    parts.office.join(key.id, key.user);
    this.#activeAt = parts.clock.now();
  }

  /** When it began here or its last chunk came, monotonic ms. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** Whether it can stop now and go on later. What is complete is published instead. */
  get canWait(): boolean {
    return this.#machine.state === "receiving" || this.#machine.state === "hashing";
  }

  get ended(): boolean {
    return this.#driver.isStopped;
  }

  /** Takes a message of this upload's user; `received` is released here, now or when its chunk is written. */
  receive(message: ClientMessage, received: Received): void {
    this.#unreachable = false;
    this.#received = received;
    this.#driver.feed({ type: "message", message });
    this.#received?.release();
    this.#received = null;
  }

  /** Frames came that are no message. */
  receiveMalformed(text: string): void {
    this.#driver.feed({ type: "malformed", text });
  }

  grant(amount: number): void {
    this.#driver.feed({ type: "granted", amount });
  }

  /** Its client lets its credit lie while others wait. */
  reclaim(): void {
    this.#driver.feed({ type: "reclaim" });
  }

  stop(code: number, text: string, keep: boolean): void {
    this.#driver.feed({ type: "stop", code, text, keep });
  }

  /**
   * Goes on with an upload of which `partial` holds bytes, `durable` of them surely; hashes them beside the rest, where
   * the state of the hash was not kept.
   */
  restore(record: UploadRecord, metadataText: string, partial: Partial, durable: number): void {
    const post: PostFile = {
      type: "post-file",
      name: record.name,
      metadataText,
      info: {
        ...(record.size === null ? {} : { size: record.size }),
        ...(record.modified === null ? {} : { modified: record.modified }),
        ...(record.client === null ? {} : { client: record.client }),
      },
    };
    this.#post = post;
    this.#journal.name = post.name;
    this.#startOffset = partial.length;
    const hash = this.#parts.hashes.take(this.key.id, partial.length);
    const bytes = this.#open(partial, durable, hash);
    const admission = { uploadId: this.key.id, offset: partial.length };
    const hashed = partial.length === 0 || hash !== null;
    this.#driver.feed({ type: "restored", post, admission, hashed });
    this.#journal.log("info", "Upload resumed", { offset: partial.length });
    if (hashed) return;
    bytes.rehash(this.#stop.signal).then(
      () => this.#driver.feed({ type: "hash-ready" }),
      (error) => this.#stopUnlessEnded(error),
    );
  }

  #open(partial: Partial, durable: number, hash: Hash | null): StoredBytes {
    const events: StoredBytesEvents = {
      onWritten: (bytes) => {
        this.#noteWritten();
        this.#parts.room.use(this.key.id, bytes);
        this.#driver.feed({ type: "written" });
      },
      onDurable: (offset) => this.#journal.durable(offset, false),
      onFailed: (error) => void this.#recover(error),
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

  #perform(action: ServerAction): void {
    switch (action.type) {
      case "send":
        return this.#send(action.message);
      case "write":
        return this.#write(action.data);
      case "admit":
        this.#admitting = this.#admit(action.post);
        return;
      case "finish":
        return void this.#finish(action.size, action.checksum);
      case "credit":
        this.#parts.office.hear(this.key.id, action.report, this.#parts.clock.now());
        return this.#parts.onCreditChanged();
      case "done":
        return this.#end(action);
    }
  }

  #send(message: ServerMessage): void {
    const result = this.#parts.send(this.key.identity, message);
    if (result !== "unreachable" || this.#unreachable) return;
    // Once is enough until we hear from it again.
    this.#unreachable = true;
    this.#driver.feed({ type: "unreachable" });
  }

  #write(data: Uint8Array): void {
    const received = this.#received;
    this.#received = null;
    assert(this.#bytes !== null && received !== null, "a write has a chunk and a storage");
    this.#activeAt = this.#parts.clock.now();
    this.#bytes.write({ data, release: () => received.release() });
  }

  async #admit(post: PostFile): Promise<void> {
    this.#journal.name = post.name;
    const { id, identity, user } = this.key;
    const { origin } = this;
    const createdAt = this.#parts.clock.date().toISOString();
    try {
      const partial = await admit({ id, identity, user, origin, post, createdAt }, this.#parts);
      // Also when the upload ended meanwhile: then all of this is put away with it.
      this.#post = post;
      this.#open(partial, 0, null);
      this.#journal.begun();
      this.#journal.log("info", "Upload started", { size: post.info.size ?? null, client: post.info.client });
      this.#driver.feed({ type: "admitted", admission: { uploadId: id, offset: 0 }, hashed: true });
    } catch (error) {
      const refusal = refusalOf(error, post.metadataText);
      this.#journal.log("warn", "Upload refused", { code: refusal.code, ...troubleOf(error) });
      this.#driver.feed({ type: "refused", ...refusal });
    }
  }

  async #finish(size: number, checksum: Uint8Array): Promise<void> {
    assert(this.#bytes !== null && this.#post !== null, "a finish follows an admission");
    this.#size = size;
    const { name, metadataText, info } = this.#post;
    const { modified = null, client = null } = info;
    const receivedAt = this.#parts.clock.date().toISOString();
    const upload = { ...this.key, name, metadataText, size, modified, receivedAt, client };
    this.#finishing = finishUpload(upload, checksum, this.#bytes, this.#journal);
    this.#driver.feed(await this.#finishing);
  }

  async #recover(error: unknown): Promise<void> {
    // Publishing fails by it too, and nothing may be cut back that may be under its final name already.
    if (this.#finishing !== null) return;
    this.#journal.log("error", "Writing failed", {
      ...troubleOf(error),
      offset: this.#bytes?.length ?? null,
    });
    const full = error instanceof DyncError && error.code === "no-space";
    const bytes = this.#bytes;
    if (bytes === null || this.#driver.isStopped) return;
    this.#journal.durable(bytes.durable, bytes.isSuspect);
    if (full || ++this.#storageFailures >= storageFailuresMax) {
      return this.#driver.feed({ type: "storage-failed", ...refusalOf(error), keep: true });
    }
    try {
      const offset = await bytes.rewind(this.#stop.signal);
      this.#journal.durable(offset, false);
      this.#driver.feed({ type: "rewound", offset });
    } catch (again) {
      this.#stopUnlessEnded(again);
    }
  }

  #stopUnlessEnded(error: unknown): void {
    if (this.#driver.isStopped) return;
    this.#journal.log("error", "The stored bytes cannot be used", troubleOf(error));
    this.#driver.feed({ type: "storage-failed", ...refusalOf(error), keep: true });
  }

  #end(action: Extract<ServerAction, { type: "done" }>): void {
    this.#driver.stop();
    this.#stop.abort();
    const { office, onCreditChanged, onEnded } = this.#parts;
    // What is being written just now stays in memory, and in the account, until it is put away.
    office.end(this.key.id);
    this.#logEnd(action);
    const done = this.#putAway(action)
      .catch((error) => {
        this.#journal.log("error", "The upload was not put away cleanly", { reason: messageOf(error) });
      })
      .then(() => {
        office.leave(this.key.id);
        onCreditChanged();
      });
    onCreditChanged();
    onEnded(this, done);
  }

  async #putAway({ outcome, code, text }: Extract<ServerAction, { type: "done" }>): Promise<void> {
    await this.#admitting;
    this.#parts.room.release(this.key.id);
    const bytes = this.#bytes;
    // What is being published stays published, whatever ended the upload meanwhile.
    if (bytes === null || (await this.#finishing)?.type === "finished") return;
    if (outcome === "suspended") {
      this.#journal.durable(await bytes.close(), bytes.isSuspect);
      if (bytes.parkedHash !== null) this.#parts.hashes.keep(this.key.id, bytes.parkedHash);
    } else if (outcome === "failed") {
      // Where it cannot be recorded, its client hears 404 when it asks again: nothing is left of it either way.
      try {
        this.#journal.failed(code, text);
      } finally {
        await bytes.discard();
      }
    }
  }

  #logEnd({ outcome, code, text }: Extract<ServerAction, { type: "done" }>): void {
    if (outcome === "finished") {
      const seconds = Math.max(0.001, (this.#parts.clock.now() - this.#startedAt) / 1000);
      const rate = Math.round((this.#size - this.#startOffset) / seconds);
      this.#journal.log("info", "Upload finished", {
        size: this.#size,
        seconds: Math.round(seconds * 1000) / 1000,
        rate,
      });
    } else if (this.#post !== null) {
      const message = outcome === "suspended" ? "Upload suspended" : "Upload failed";
      this.#journal.log("warn", message, { code, reason: text, offset: this.#bytes?.length ?? null });
    }
  }
}
