// An upload while it is active on the server: its handles on storage, catalogue, credit and room, from the moment when it
// is admitted or taken up again until they are put away. Does what the upload's machine decided, and says what became of it.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { DyncError, errorMeanings, messageOf } from "../base/error.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { Bytes } from "../base/memory/far-bytes.ts";
import type { Hold, UploadRecord } from "../catalogue/catalogue.ts";
import type { ProcessSettings } from "../config/server-settings.ts";
import { fingerprintOf } from "../keys/key.ts";
import { lowerPriority, type Priority } from "../protocol/priority.ts";
import type { CreditOffice, CreditReport } from "../protocol/server/credit-office.ts";
import type { ServerAction, ServerInput } from "../protocol/server/server-events.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { Wait } from "../protocol/wait.ts";
import type { PostFile } from "../protocol/wire/message.ts";
import { storedName, tarSuffix } from "../protocol/wire/stored-name.ts";
import { factsOf, type ReceiptGiver } from "../receipts/statement.ts";
import { growthFault } from "../rules/user-limits.ts";
import type { OwnedChunk, Sink, SinkEvents, StoredNote } from "../storage/storage.ts";
import type { Received } from "../transport/transport.ts";
import { sentMetadata, type WithAdditions } from "../upload/added.ts";
import { type Destination, pathOf } from "../upload/destination.ts";
import { isAskedToUnpack, type Layout, type UploadKey } from "../upload/upload.ts";
import { type AdmissionParts, admit, prospectOf, roomFor } from "./admission.ts";
import { AdmissionWait } from "./admission-wait.ts";
import { arrivedChunk } from "./arrived-chunk.ts";
import type { Meter } from "./meter.ts";
import type { MakeWay } from "./placing.ts";
import { publishedFields } from "./publication.ts";
import { type FinishResult, finishUpload } from "./publisher.ts";
import { quotasOf } from "./quotas.ts";
import { posterOf, receiptOf } from "./receipts.ts";
import { bytesGone, discardFailed, giveUp, metadataLost, metadataOf } from "./recovery.ts";
import { refusalOf, troubleOf } from "./refusal.ts";
import { isQuotaPassed, StreamClaim } from "./stream-claim.ts";
import { heldElsewhere, takeOver } from "./take-over.ts";
import { takenElsewhere, UploadJournal } from "./upload-journal.ts";
import type { UserRefusals } from "./user-refusals.ts";

/** How far an upload is. */
export interface Progress {
  /** Bytes that are stored. */
  readonly bytes: number;
  /** On average since its client is here, or `null`: it is too early to say. */
  readonly bytesPerSecond: number | null;
}

/** An upload that is open, for people. */
export interface RunningUpload extends Progress {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  /** Bytes in all, or `null`: nobody said. */
  readonly size: number | null;
  /** What its client waits for just now, where that is something of the server's; else `null`. */
  readonly wait: Wait | null;
}

export interface SessionParts extends AdmissionParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: ProcessSettings;
  readonly office: CreditOffice;
  /** Who signs receipts; nobody unless given. */
  readonly receipts?: ReceiptGiver | undefined;
  /** Who remembers for a user what was refused; nobody unless given. */
  readonly refusals?: UserRefusals | undefined;
  /** Who measures; nobody unless given. */
  readonly meter?: Meter | undefined;
  /** The credit office may have something to give now. */
  readonly onCreditChanged: () => void;
}

type Done = Extract<ServerAction, { type: "done" }>;
type Finish = Extract<ServerAction, { type: "finish" }>;
type Finished = Extract<FinishResult, { type: "finished" }>;
type Admitted = Extract<ServerInput, { type: "admitted" | "refused" }>;
type Restored = Extract<ServerInput, { type: "restored" }> | ({ readonly type: "refused" } & Refusal);

// After this many failed writes or syncs, without a byte stored that was not before, the storage is not coming back by itself.
const storageFailuresMax = 3;

// One for all: making it takes as long as three calls of the system, for the stack that it remembers.
const over = new DOMException("The upload is over", "AbortError");

// Less says nothing about how fast an upload is.
const rateMsMin = 500;

export class Session {
  readonly key: UploadKey;
  /** Key text: the key that began it, or the first that went on with an upload of which that is not known. */
  readonly origin: string;
  readonly name: string;
  /** Since when it is here, monotonic ms. */
  readonly startedAt: number;
  readonly #parts: SessionParts;
  readonly #feed: (input: ServerInput) => void;
  readonly #stop = new AbortController();
  /** What each line of its log is about. */
  readonly #about: LogFields;
  #journal: UploadJournal | null = null;
  #claim: StreamClaim | null = null;
  #post: PostFile | null = null;
  /** What is stored of its metadata, and which of it was not sent. */
  #metadata: WithAdditions | null = null;
  /** See `UploadRecord.place`. */
  #place: Destination | null = null;
  /** See `UploadRecord.held`. */
  #held: string | null = null;
  #sink: Sink | null = null;
  #admitting: Promise<unknown> = Promise.resolve();
  readonly #admission = new AdmissionWait();
  #finishing: Promise<FinishResult> | null = null;
  #storageFailures = 0;
  /** Most bytes that were stored so far. */
  #offsetMax = 0;
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
    this.startedAt = this.#activeAt = parts.clock.now();
  }

  /** When it began here or its last chunk came, monotonic ms. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** Whether its storage is open. */
  get isOpen(): boolean {
    return this.#sink !== null;
  }

  /** What its client waits for just now, where that is something of ours. */
  get wait(): Wait | null {
    if (this.#sink === null) return this.#admission.current;
    if (this.#finishing !== null) return { cause: "publishing" };
    return this.#sink.isReady ? this.#parts.office.waitOf(this.key.id) : { cause: "hash" };
  }

  get progress(): Progress {
    const bytes = this.#sink?.length ?? 0;
    const elapsedMs = this.#parts.clock.now() - this.startedAt;
    const isEarly = elapsedMs < rateMsMin;
    return { bytes, bytesPerSecond: isEarly ? null : ((bytes - this.#startOffset) * 1000) / elapsedMs };
  }

  /** Name and version of its client's program, or `null`. */
  get client(): string | null {
    return this.#post?.info.client ?? null;
  }

  get shown(): RunningUpload {
    const { id, user } = this.key;
    const size = this.#post?.info.size ?? null;
    return { id, user, name: this.name, size, wait: this.wait, ...this.progress };
  }

  /** Has other servers see what came since. Never rejects. */
  async tellProgress(): Promise<void> {
    await this.#journal?.heard(this.progress.bytes);
  }

  hearCredit(report: CreditReport): void {
    this.#parts.office.hear(this.key.id, report, this.#parts.clock.now());
    this.#parts.onCreditChanged();
  }

  /** Gives the upload the priority that its client asked for, or the highest that its user may have. Returns which. */
  prioritise(asked: Priority): Priority {
    const { priority: highest = "normal" } = this.#parts.rulesOf(this.key.user).limits;
    const priority = lowerPriority(asked, highest);
    this.#parts.office.prioritise(this.key.id, priority);
    this.#parts.onCreditChanged();
    return priority;
  }

  /** Begins a new upload; see `admit` in admission.ts. */
  admit(post: PostFile, makeWay: MakeWay): Promise<Admitted> {
    this.#announce(post);
    const admitting = this.#admit(post, makeWay);
    this.#admitting = admitting;
    return admitting;
  }

  async #admit(post: PostFile, makeWay: MakeWay): Promise<Admitted> {
    const { identity, id, user } = this.key;
    const createdAt = this.#parts.clock.date().toISOString();
    try {
      const request = { id, identity, user, origin: this.origin, post, createdAt };
      const { signal: abandoned } = this.#stop;
      const events = { ...this.#events, abandoned, asking: this.#admission };
      const way: MakeWay = (holders) => this.#admission.during("name", makeWay(holders));
      const admitted = await admit(request, events, way, this.#parts);
      const { hold, form, place, held, sink } = admitted;
      // Also when the upload ended meanwhile: then all of this is put away with it.
      const journal = new UploadJournal(hold, this.#parts.storage.emptyNote, this.#about, this.#parts);
      this.#journal = journal;
      this.#post = post;
      this.#metadata = admitted.metadata;
      this.#claim = this.#claimOf(post, hold, 0, sink);
      this.#place = place;
      this.#held = held;
      this.#sink = sink;
      const { size = null, client } = post.info;
      const goesTo = place === null || held !== null ? {} : { path: pathOf(place) };
      if (held !== null)
        journal.log("warn", "Taken all the same: it is held until its metadata are put right", {
          reason: held,
        });
      const dataset = form === "file" ? {} : { dataset: form };
      journal.log("info", "Upload started", { size, client, ...dataset, ...goesTo });
      return {
        type: "admitted",
        admission: { uploadId: id, offset: 0, ...layoutOf({ form, place }) },
        hashed: true,
      };
    } catch (error) {
      const refusal = refusalOf(error, posterOf(user, post, this.#parts));
      this.#log("warn", "Upload refused", { code: refusal.code, ...troubleOf(error) });
      this.#recordRefusal(refusal, post);
      return { type: "refused", ...refusal };
    }
  }

  #recordRefusal(refusal: Refusal, { info: { size, client } }: PostFile): void {
    const { user } = this.key;
    const { code, text: reason } = refusal;
    const about = { user, key: fingerprintOf(this.origin), name: this.name, size, client };
    this.#parts.audit?.record({ event: "refused", ...about, code, reason });
    this.#parts.refusals?.note(user, this.name, refusal, size);
  }

  #log(level: LogLevel, message: string, fields: LogFields): void {
    this.#parts.logger.log(level, message, { ...this.#about, ...fields });
  }

  /**
   * Takes up an upload that has a record, to go on with it unless its client `givesUp`; reads again what is stored beside the rest,
   * where its checksum needs that. Rejects when that is not possible just now.
   */
  async restore(givesUp: boolean): Promise<Restored> {
    const { storage, room } = this.#parts;
    const { id, user } = this.key;
    const taken = await takeOver(id, true, this.#parts);
    if (taken.type === "held") return { type: "refused", ...refusalOf(heldElsewhere()) };
    if (taken.type !== "taken" || taken.record.state !== "open")
      return { type: "refused", ...refusalOf(takenElsewhere()) };
    const { hold, record } = taken;
    const metadata = await metadataOf(record, this.#parts);
    if (metadata === null) return this.#giveUpRecord(record, metadataLost);
    const sink = await storage.resume(id, record.form, record, this.#events, prospectOf(record));
    if (sink === null) return this.#giveUpRecord(record, bytesGone);
    try {
      const missing = record.size === null ? null : Math.max(0, record.size - sink.length);
      await room.reserve(id, user, roomFor(missing, metadata), sink.length);
    } catch (error) {
      await sink.close();
      throw error;
    }
    this.#journal = new UploadJournal(hold, null, this.#about, this.#parts);
    this.#metadata = { metadataText: metadata, added: record.added };
    const post = postOf(record, sentMetadata(this.#metadata));
    this.#claim = this.#claimOf(post, hold, record.bytes, sink);
    // What is complete only waits: nothing of it is still to come.
    if (!givesUp && record.sha256 === null) void this.#journal.resumed();
    return this.#goOn(record, post, sink, this.#journal);
  }

  async #giveUpRecord(record: UploadRecord, [code, text]: readonly [number, string]): Promise<Restored> {
    await giveUp(record, code, text, this.#parts);
    return { type: "refused", code, text };
  }

  #announce({ info: { size } }: PostFile): void {
    if (size !== undefined) this.#parts.office.announce(this.key.id, size);
  }

  #goOn({ form, place, held }: UploadRecord, post: PostFile, sink: Sink, journal: UploadJournal): Restored {
    this.#announce(post);
    this.#post = post;
    this.#place = place;
    this.#held = held;
    this.#sink = sink;
    this.#startOffset = this.#offsetMax = sink.length;
    const admission = { uploadId: this.key.id, offset: sink.length, ...layoutOf({ form, place }) };
    const hashed = sink.isReady;
    journal.log("info", "Upload resumed", { offset: sink.length });
    if (!hashed) {
      sink.prepare().then(
        () => this.#tell({ type: "hash-ready" }),
        (error) => this.#giveUp(error),
      );
    }
    return { type: "restored", post, admission, hashed };
  }

  readonly #events: SinkEvents = {
    onStored: (offset) => {
      this.#noteStored(offset);
      this.#parts.room.use(this.key.id, offset);
      this.#feed({ type: "stored", offset });
    },
    onNote: (note) => void this.#journal?.stored(note),
    record: async (note) => (await this.#journal?.stored(note)) ?? false,
    onFailed: (error, note) => void this.#recover(error, note),
    onRefused: (error) => this.#tell({ type: "storage-failed", ...refusalOf(error), keep: false }),
  };

  // The same bytes once more are no progress: their end may be what cannot be stored.
  #noteStored(offset: number): void {
    if (offset <= this.#offsetMax) return;
    this.#parts.meter?.stored(offset - this.#offsetMax);
    this.#offsetMax = offset;
    this.#storageFailures = 0;
  }

  // What happens to handles that are being put away concerns nobody.
  #tell(input: ServerInput): void {
    if (!this.#stop.signal.aborted) this.#feed(input);
  }

  /** Appends `data`, which lies in the memory of `received`: that is released when it is written. */
  write(offset: number, data: Bytes, received: Pick<Received, "release"> | null): void {
    assert(this.#sink !== null && received !== null, "a write has a chunk and a storage");
    this.#activeAt = this.#parts.clock.now();
    const fault = this.#growthFault(offset + data.length);
    if (fault !== null) {
      received.release();
      return this.#feed({ type: "storage-failed", ...fault, keep: false });
    }
    const isLast = offset + data.length === this.#post?.info.size;
    const isAwaited = isLast || this.#parts.office.isRunningLow(this.key.id);
    const chunk = arrivedChunk(data, { offset, isAwaited, release: () => received.release() });
    if (this.#claim === null) this.#sink.write(chunk);
    else this.#claim.write(chunk);
  }

  /** Of an upload without a size, which claims the room that it needs as it grows. */
  #claimOf(post: PostFile, hold: Hold, granted: number, sink: Sink): StreamClaim | null {
    if (post.info.size !== undefined) return null;
    const { catalogue, rulesOf } = this.#parts;
    const { user } = this.key;
    const current = () => {
      const { limits } = rulesOf(user);
      return { limits, quotas: quotasOf(user, limits) };
    };
    const onRefused = (error: unknown): void =>
      this.#tell({ type: "storage-failed", ...refusalOf(error), keep: !isQuotaPassed(error) });
    const write = (chunk: OwnedChunk): void => sink.write(chunk);
    return new StreamClaim({ catalogue, hold, granted, limits: current, write, onRefused });
  }

  /** Why the upload is not taken any further when it has so many bytes. What was announced was judged before it began. */
  #growthFault(bytes: number): Refusal | null {
    if (this.#post?.info.size !== undefined) return null;
    const text = growthFault(this.#parts.rulesOf(this.key.user).limits, bytes);
    return text === null ? null : { code: errorMeanings["too-large"].wire, text };
  }

  /** Compares with the announced checksum, and publishes. */
  async finish({ size, checksum, wantsReceipt }: Finish): Promise<void> {
    assert(this.#sink !== null && this.#post !== null, "a finish follows an admission");
    assert(this.#journal !== null && this.#metadata !== null, "what is open has a record");
    // Something of it failed to be stored, and is cut off: what is left goes to the machine first.
    if (!this.#sink.isReady || this.#sink.length !== size) return;
    const { info } = this.#post;
    const name = storedName(this.#post);
    const { modified = null, client = null } = info;
    const receivedAt = this.#parts.clock.date().toISOString();
    const known = { ...this.key, name, place: this.#place, ...this.#metadata, size };
    const upload = { ...known, modified, receivedAt, client };
    const beganAt = this.#parts.clock.now();
    this.#finishing = finishUpload(upload, checksum, this.#sink, this.#journal, this.#held);
    const result = await this.#finishing;
    if (result.type === "finished") this.#parts.meter?.published((this.#parts.clock.now() - beganAt) / 1000);
    // Also when its client went away meanwhile: who waits for files has to hear of each.
    if (result.type === "finished") this.#logFinished(result);
    this.#tell(result.type === "finished" && wantsReceipt === true ? this.#withReceipt(result) : result);
  }

  #withReceipt({ published }: Finished): ServerInput {
    const receipt = receiptOf(factsOf(published), this.#parts);
    return { type: "finished", ...(receipt === null ? {} : { receipt }) };
  }

  #logFinished({ published }: Finished): void {
    const { clock, storage } = this.#parts;
    const seconds = Math.max(0.001, (clock.now() - this.startedAt) / 1000);
    this.#log("info", "Upload finished", {
      ...publishedFields(published, published.contents?.layout ?? "file", storage),
      seconds: Math.round(seconds * 1000) / 1000,
      rate: Math.round((published.size - this.#startOffset) / seconds),
    });
  }

  async #recover(error: unknown, note: StoredNote): Promise<void> {
    const [sink, journal] = [this.#sink, this.#journal];
    // Before all else: who dies now must not leave a record that trusts what is lost.
    const noted = journal?.stored(note);
    // Publishing fails by it too, and nothing may be cut back that may be under its final name already.
    if (this.#finishing !== null) return;
    this.#log("error", "Writing failed", { ...troubleOf(error), offset: sink?.length ?? null });
    await noted;
    if (sink === null || journal === null || this.#stop.signal.aborted) return;
    const isFull = error instanceof DyncError && error.code === "no-space";
    if (isFull || ++this.#storageFailures >= storageFailuresMax) {
      return this.#feed({ type: "storage-failed", ...refusalOf(error), keep: true });
    }
    try {
      const left = await sink.rewind();
      await journal.stored(left);
      this.#tell({ type: "rewound", offset: left.durable });
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
    this.#stop.abort(over);
    this.#claim?.stop();
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
    const [sink, journal] = [this.#sink, this.#journal];
    // What is being published stays published, whatever ended the upload meanwhile.
    if (sink === null || journal === null || (await this.#finishing)?.type === "finished") return;
    if (outcome === "suspended") await journal.putAway(await sink.close());
    else if (outcome === "failed") await discardFailed(sink, journal, code, text);
  }

  #logEnd({ outcome, code, text }: Done): void {
    if (outcome === "finished" || this.#post === null) return;
    const message = outcome === "suspended" ? "Upload suspended" : "Upload failed";
    this.#log("warn", message, { code, reason: text, offset: this.#sink?.length ?? null });
  }
}

function layoutOf(upload: Pick<UploadRecord, "form" | "place">): { readonly layout?: Layout } {
  const { form } = upload;
  return form === "file" || !isAskedToUnpack(upload) ? {} : { layout: form };
}

/** What the client of the upload in a record posted, with these metadata. */
export function postOf(record: UploadRecord, metadataText: string): PostFile {
  const { name: stored, size, modified, client } = record;
  const isDataset = isAskedToUnpack(record);
  const name = isDataset ? stored + tarSuffix : stored;
  const info = {
    ...(isDataset ? { unpack: "tar" as const } : {}),
    ...(size === null ? {} : { size }),
    ...(modified === null ? {} : { modified }),
    ...(client === null ? {} : { client }),
    ...(record.wantsReceipt ? { receipt: true } : {}),
  };
  return { type: "post-file", name, metadataText, info };
}
