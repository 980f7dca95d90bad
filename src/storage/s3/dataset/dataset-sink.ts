// The bytes of one upload that becomes a dataset, on their way into the object store. What is done with them is in dataset-work.ts; here is who says when, and
// what is told of it. Of a tar whose size was announced its client has the bytes: one counts as stored when it is copied. One that is a stream, or a
// run that is sent while it is written, counts when the record says so.

import { assert } from "../../../base/assert.ts";
import { DyncError, messageOf } from "../../../base/error.ts";
import { Semaphore } from "../../../base/semaphore.ts";
import type { Destination } from "../../../upload/destination.ts";
import type { Contents } from "../../../upload/upload.ts";
import { isOfContent } from "../../partial-sink.ts";
import type { Description, OwnedChunk, Sink, SinkEvents, StoredNote } from "../../storage.ts";
import { notDurable } from "../../storage-error.ts";
import { ChunkIntake } from "../chunk-intake.ts";
import { explained, s3Trouble } from "../client/s3-error.ts";
import { leftUnpublished, patiently, puttingAway, type S3Home, soon } from "../home.ts";
import { discardUpload } from "../upload-state.ts";
import type { DatasetWork } from "./dataset-work.ts";
import { publishDataset } from "./publish-dataset.ts";

export interface DatasetSinkParts {
  readonly id: string;
  readonly home: S3Home;
  /** Announced bytes of the tar. */
  readonly size: number | undefined;
  /** Opens what `note` says is stored; `null`: it is not there. */
  readonly open: (note: StoredNote, sink: DatasetSink) => Promise<DatasetWork | null>;
  /** Runs `work`, which publishes it from below `root`, unless something is at `destination`. */
  readonly publishing: (destination: Destination, root: string, work: () => Promise<void>) => Promise<void>;
  readonly onClosed: (sink: DatasetSink) => void;
}

// So much is sent again after a crash at most.
const checkpointBytes = 64 * 1024 * 1024;
const checkpointMs = 5000;
// Of what is no content so much is in memory at most, besides the budget.
const untoldBytesMax = 1024 * 1024;

export class DatasetSink implements Sink {
  readonly id: string;
  readonly #parts: DatasetSinkParts;
  readonly #events: SinkEvents;
  readonly #intake: ChunkIntake;
  /** One at a time does something with it. */
  readonly #turn = new Semaphore();
  #work: DatasetWork;
  #taken: number;
  #length: number;
  /** When the record was told of it last, monotonic ms. */
  #toldAt: number;
  #abort = new AbortController();
  /** Why nothing more is stored, until it is rewound. */
  #failure: DyncError | null = null;
  #isClosing = false;

  private constructor(parts: DatasetSinkParts, events: SinkEvents) {
    this.id = parts.id;
    this.#parts = parts;
    this.#events = events;
    this.#intake = new ChunkIntake({
      home: parts.home,
      signal: () => this.#abort.signal,
      take: (data, signal) => this.#take(data, signal),
      rest: async (signal) => {
        if (this.#isStream) await this.#spill(true, signal);
      },
      onFailed: (error) => this.fail(error),
    });
    this.#taken = this.#length = 0;
    this.#toldAt = parts.home.clock.now();
    // It has one before anybody sees it.
    this.#work = undefined as unknown as DatasetWork;
  }

  /** One that goes on where `note` says; `null`: what that says is not there. */
  static async open(
    parts: DatasetSinkParts,
    note: StoredNote,
    events: SinkEvents,
  ): Promise<DatasetSink | null> {
    const sink = new DatasetSink(parts, events);
    return (await sink.#open(note)) ? sink : null;
  }

  async #open(note: StoredNote): Promise<boolean> {
    const work = await this.#parts.open(note, this);
    if (work === null) return false;
    this.#work = work;
    this.#taken = this.#length = work.offset;
    return true;
  }

  /** Has `note` written down; resolves whether it is. */
  async tell(note: StoredNote): Promise<boolean> {
    this.#toldAt = this.#parts.home.clock.now();
    return (await this.#events.record?.(note)) ?? true;
  }

  get patience() {
    return patiently(this.#abort.signal);
  }

  get length(): number {
    return this.#length;
  }

  get isReady(): boolean {
    return this.#failure === null;
  }

  // The state of the checksum is in the record.
  async prepare(): Promise<void> {}

  /** Bytes of which the memory would be free if they were stored by themselves. */
  get spillable(): number {
    return this.#failure !== null || this.#isClosing ? 0 : this.#work.heldBytes;
  }

  write(chunk: OwnedChunk): void {
    if (this.#failure !== null || this.#isClosing || chunk.offset !== this.#taken) return chunk.release();
    this.#taken += chunk.data.length;
    this.#intake.add(chunk);
  }

  get #isStream(): boolean {
    return this.#parts.size === undefined;
  }

  async #take(data: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#alone(signal, () => this.#work.take(data, patiently(signal)));
    if (!this.#isStream) this.#count(this.#work.offset);
    const since = this.#work.offset - this.#work.note.durable;
    const isLate = this.#parts.home.clock.now() - this.#toldAt >= checkpointMs;
    if (since >= checkpointBytes || this.#work.untoldBytes >= untoldBytesMax || isLate)
      await this.#alone(signal, () => this.#work.checkpoint(patiently(signal)));
  }

  async #alone(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    await this.#turn.take(1, signal);
    try {
      await work();
    } finally {
      this.#turn.release();
    }
  }

  async #spill(keeps: boolean, signal: AbortSignal): Promise<void> {
    await this.#alone(signal, () => this.#work.spill(keeps, patiently(signal)));
    if (this.#isStream) this.#count(this.#work.note.durable);
  }

  #count(length: number): void {
    if (length <= this.#length || this.#failure !== null) return;
    this.#length = length;
    this.#events.onStored(length);
  }

  /** Makes room for others. Never rejects. */
  async makeRoom(): Promise<void> {
    try {
      await this.#spill(false, this.#abort.signal);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Something was not stored: nothing more is, until it is rewound. */
  fail(error: unknown): void {
    if (this.#failure !== null || this.#isClosing) return;
    const trouble = s3Trouble("stored", error);
    this.#failure = trouble;
    this.#abort.abort(new DyncError("cancelled", "The upload failed"));
    this.#intake.drop();
    if (isOfContent(trouble)) return this.#events.onRefused(trouble);
    this.#events.onFailed(trouble, this.#work.note);
  }

  async rewind(): Promise<StoredNote> {
    await this.untilStored();
    const { note } = this.#work;
    this.#work.forget();
    this.#abort = new AbortController();
    // Whoever comes back for it begins anew: it was given up where a part of it was spoilt.
    if (!(await explained("looked up", () => this.#open(note))))
      throw new DyncError("not-ready", "What was stored of the dataset is not in the object store any more");
    this.#failure = null;
    return note;
  }

  async digest(): Promise<string> {
    assert(this.#taken === this.#length, "the digest is that of what is stored");
    return this.#work.digest();
  }

  async contents(): Promise<Contents> {
    if (this.#failure !== null) throw notDurable(this.#failure);
    return await this.#work.contents();
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    const { home, id } = this.#parts;
    await this.#idle();
    if (this.#failure !== null) throw notDurable(this.#failure);
    const patience = patiently(this.#abort.signal);
    const work = this.#work;
    try {
      await this.#alone(this.#abort.signal, () => work.checkpoint(patience));
      await this.#parts.publishing(destination, work.parts.root, () =>
        publishDataset({ home, id, destination, description, patience }, work),
      );
    } catch (error) {
      this.#failure = s3Trouble("published", error);
      throw this.#failure;
    }
    this.#leave();
  }

  async #idle(): Promise<void> {
    while (this.#intake.pumping !== null) await this.#intake.pumping;
  }

  /** Resolves when nothing that came is on its way any more, stored or failed. */
  async untilStored(): Promise<void> {
    await this.#idle();
    await this.#alone(neverAborted, () => this.#work.untilStored());
  }

  /** The store is not waited for any more. */
  giveUp(): void {
    this.#abort.abort(leftUnpublished());
  }

  async close(): Promise<StoredNote> {
    const { home, id } = this.#parts;
    this.#isClosing = true;
    try {
      await puttingAway(home.clock, this.#abort, async () => {
        await this.#idle();
        const patience = { ...soon, signal: this.#abort.signal };
        if (this.#failure === null)
          await this.#alone(this.#abort.signal, () => this.#work.spill(false, patience));
      });
    } catch (error) {
      // Its client sends it again.
      home.log.log("info", "The end of what came was not stored", { upload: id, reason: messageOf(error) });
    } finally {
      this.#intake.drop();
    }
    this.#abort.abort(new DyncError("cancelled", "The upload is put away"));
    await this.untilStored();
    this.#leave();
    return this.#work.note;
  }

  #leave(): void {
    this.#work.forget();
    this.#parts.onClosed(this);
  }

  async discard(): Promise<void> {
    this.#isClosing = true;
    this.#intake.drop();
    this.#abort.abort(new DyncError("cancelled", "The upload is discarded"));
    await this.untilStored();
    this.#leave();
    await discardUpload(this.#parts.home, this.id);
  }
}

const neverAborted = new AbortController().signal;
