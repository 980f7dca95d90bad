// The bytes of one upload on their way into the object store. Theory of operation.
//
// A chunk is copied into the part that is being filled, out of the budget that all uploads share, and its memory is given back. A part that is whole is
// stored under a number that nobody used before; a few are on their way at once. What the upload's record says grows by whole parts, in
// their order, each with the state of the checksum behind it: so whoever has the record goes on without reading anything.
//
// Of a file whoever sends it has its bytes: one counts as stored when it is copied, and after a crash the client goes back by a part or some. A
// stream cannot go back: of that a byte counts as stored when it is in the store, as a *piece* by itself where its part is not whole yet. While one is
// stored, the next gathers, so pieces are as long as the line is fast. Pieces are also stored where the budget is short (so no upload
// can hold what another one needs to get on) and when an upload is put away. A part is stored once, with all pieces in it; then these go.

import { assert } from "../../base/assert.ts";
import { DyncError, messageOf } from "../../base/error.ts";
import { timed } from "../../base/stages.ts";
import type { Destination } from "../../upload/destination.ts";
import type { Sha256 } from "../sha256/sha256.ts";
import type { Description, OwnedChunk, Prospect, Sink, SinkEvents, StoredNote } from "../storage.ts";
import { notDurable } from "../storage-error.ts";
import { ChunkIntake } from "./chunk-intake.ts";
import { s3Trouble } from "./client/s3-error.ts";
import type { Patience } from "./client/s3-request.ts";
import type { GrowingPart } from "./growing-part.ts";
import { hashedBeside } from "./hashed-beside.ts";
import { leftUnpublished, patiently, puttingAway, type S3Home, soon } from "./home.ts";
import type { Ledger } from "./ledger.ts";
import { partsUnderWayMax } from "./part-plan.ts";
import { publishObject } from "./publish-object.ts";
import { type PartsTarget, StoredParts } from "./stored-parts.ts";
import { discardUpload, keepState } from "./upload-state.ts";

export interface S3SinkParts {
  readonly id: string;
  readonly ledger: Ledger;
  readonly prospect: Prospect;
  readonly home: S3Home;
  /** Runs `work`, which publishes it, unless something is at `destination`. */
  readonly publishing: (destination: Destination, work: () => Promise<void>) => Promise<void>;
  readonly onClosed: (sink: S3Sink) => void;
}

export class S3Sink implements Sink {
  readonly id: string;
  readonly #events: SinkEvents;
  readonly #parts: S3SinkParts;
  readonly #stored: StoredParts;
  readonly #intake: ChunkIntake;
  #hash: Sha256;
  /** Bytes that were taken over, copied or not. */
  #taken: number;
  /** Bytes that count as stored. */
  #length: number;
  #part: GrowingPart;
  /** The state of the checksum when it was asked for. */
  #end: Uint8Array | null = null;
  #spilling: Promise<void> | null = null;
  #abort = new AbortController();
  /** Why nothing more is stored, until it is rewound. */
  #failure: DyncError | null = null;
  #isClosing = false;
  /** All of it goes into the object: a piece that is stored meanwhile nobody would take away. */
  #isPublishing = false;

  constructor(parts: S3SinkParts, events: SinkEvents) {
    const { id, ledger, home } = parts;
    this.id = id;
    this.#parts = parts;
    this.#events = events;
    this.#intake = new ChunkIntake({
      home,
      signal: () => this.#abort.signal,
      take: (data, signal) => this.#take(data, signal),
      rest: async (signal) => {
        if (this.#isStream) await this.#spill(true, patiently(signal));
      },
      onFailed: (error) => this.#fail(error),
    });
    this.#stored = new StoredParts({
      ...{ id, ledger, home, size: parts.prospect.size, target: targetOf(parts) },
      tell: events.record === undefined ? null : (note) => this.#tell(note),
      onFailed: (error) => this.#fail(error),
    });
    this.#hash = hashOf(home, ledger);
    this.#taken = this.#length = ledger.durable;
    this.#part = this.#stored.rest();
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
    const isBusy = this.#isClosing || this.#isPublishing || this.#spilling !== null;
    return this.#failure !== null || isBusy ? 0 : this.#part.heldBytes;
  }

  write(chunk: OwnedChunk): void {
    if (this.#failure !== null || this.#isClosing || chunk.offset !== this.#taken) return chunk.release();
    this.#taken += chunk.data.length;
    this.#intake.add(chunk);
  }

  get #isStream(): boolean {
    return this.#parts.prospect.size === undefined;
  }

  async #take(data: Uint8Array, signal: AbortSignal): Promise<void> {
    let from = 0;
    try {
      while (from < data.length) {
        const piece = data.subarray(from, from + this.#part.wanted - this.#part.length);
        const beside = hashedBeside(this.#parts.home, [this.#hash], piece);
        const [hash] = beside === null ? [] : await beside;
        signal.throwIfAborted();
        // In one go: somebody may store what is there by itself meanwhile, with the state of its checksum.
        if (hash === undefined) timed("hash", () => this.#hash.update(piece));
        else this.#hash = hash;
        this.#part.add(piece);
        from += piece.length;
        if (this.#part.isWhole) await this.#cut(signal);
      }
    } finally {
      this.#parts.home.budget.giveBack(data.length - from);
    }
    if (!this.#isStream) this.#count(this.#part.start + this.#part.length);
  }

  // A stream has one on its way at a time: what is durable of it has no gap.
  async #cut(signal: AbortSignal): Promise<void> {
    await this.#spilling;
    this.#storePart(patiently(signal));
    await this.#stored.untilUnderWay(this.#isStream ? 0 : partsUnderWayMax - 1);
    signal.throwIfAborted();
    if (this.#isStream) this.#count(this.#parts.ledger.durable);
  }

  #storePart(patience: Patience): void {
    const part = this.#part;
    this.#stored.begin(part, this.#state(), patience);
    this.#part = this.#stored.behind(part);
  }

  #count(length: number): void {
    if (length <= this.#length || this.#failure !== null) return;
    this.#length = length;
    this.#events.onStored(length);
  }

  #state(): Uint8Array {
    const state = this.#end ?? this.#hash.save();
    assert(state !== null, "the state of the checksum can be saved here");
    return state;
  }

  /** Stores what is only in memory by itself; its memory is free then unless the bytes are kept. Never two at once. */
  async #spill(keeps: boolean, patience: Patience): Promise<void> {
    while (this.#spilling !== null) await this.#spilling;
    if (!keeps) this.#parts.home.budget.giveBack(this.#part.letGo());
    if (this.#part.freshBytes === 0) return;
    const spilling = this.#spillNow(keeps, patience);
    this.#spilling = spilling.catch(() => {});
    try {
      await spilling;
    } finally {
      this.#spilling = null;
    }
  }

  async #spillNow(keeps: boolean, patience: Patience): Promise<void> {
    const part = this.#part;
    // Of what it is the checksum: before anything more is copied.
    const [piece, state] = [part.nextPiece(), this.#state()];
    await this.#stored.untilUnderWay(0);
    this.#abort.signal.throwIfAborted();
    await this.#stored.putPiece(piece, state, keeps, patience);
    this.#count(this.#isStream ? this.#parts.ledger.durable : 0);
  }

  /** Makes room for others. Never rejects. */
  async makeRoom(): Promise<void> {
    try {
      await this.#spill(false, patiently(this.#abort.signal));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #tell(note: StoredNote): Promise<boolean> {
    return (await this.#events.record?.(note)) ?? true;
  }

  #fail(error: unknown): void {
    if (this.#failure !== null || this.#isClosing) return;
    const trouble = s3Trouble("stored", error);
    this.#failure = trouble;
    this.#abort.abort(new DyncError("cancelled", "The upload failed"));
    this.#intake.drop();
    if (trouble.code === "too-large") this.#events.onRefused(trouble);
    else this.#events.onFailed(trouble, this.#parts.ledger.note());
  }

  async rewind(): Promise<StoredNote> {
    await this.untilStored();
    const { home, ledger } = this.#parts;
    this.#forget();
    this.#abort = new AbortController();
    this.#hash = hashOf(home, ledger);
    this.#taken = this.#length = ledger.durable;
    this.#end = null;
    this.#failure = null;
    this.#isPublishing = false;
    return ledger.note();
  }

  /** Lets go of what is in memory. */
  #forget(): void {
    this.#stored.forget();
    this.#parts.home.budget.giveBack(this.#part.heldBytes);
    this.#part = this.#stored.rest();
  }

  async digest(): Promise<string> {
    assert(this.#taken === this.#length, "the digest is that of what is stored");
    // Nothing more goes into one that was asked.
    this.#end = this.#state();
    return this.#hash.digest().toString("hex");
  }

  async contents(): Promise<null> {
    return null;
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    const { id, home, ledger } = this.#parts;
    await this.untilStored();
    if (this.#failure !== null) throw notDurable(this.#failure);
    this.#isPublishing = true;
    const patience = patiently(this.#abort.signal);
    try {
      if (ledger.uploadId !== null && this.#part.length > 0) {
        this.#storePart(patience);
        await this.#stored.untilUnderWay(0);
      }
      const publish = (body: readonly Uint8Array[] | null): Promise<void> =>
        this.#parts.publishing(destination, () =>
          publishObject(
            { home, id, destination, description, patience },
            { ledger, body, size: this.#taken },
          ),
        );
      if (ledger.uploadId !== null) await publish(null);
      else await this.#stored.withBody(this.#part, patience, publish);
    } catch (error) {
      this.#failure = s3Trouble("published", error);
      throw this.#failure;
    }
    this.#leave();
  }

  /** Resolves when nothing that came is on its way any more, stored or failed. */
  async untilStored(): Promise<void> {
    while (this.#intake.pumping !== null || this.#spilling !== null || this.#stored.underWay > 0) {
      await this.#intake.pumping;
      await this.#spilling;
      // What failed was told.
      await this.#stored.untilUnderWay(0).catch(() => {});
    }
  }

  /** The store is not waited for any more. */
  giveUp(): void {
    this.#abort.abort(leftUnpublished());
  }

  async close(): Promise<StoredNote> {
    const { home, id, ledger } = this.#parts;
    this.#isClosing = true;
    try {
      await puttingAway(home.clock, this.#abort, async () => {
        await this.untilStored();
        if (this.#failure === null) await this.#spill(false, { ...soon, signal: this.#abort.signal });
      });
    } catch (error) {
      // Its client sends it again.
      home.log.log("info", "Less than a part was not stored", { upload: id, reason: messageOf(error) });
    } finally {
      this.#intake.drop();
    }
    this.#leave();
    return ledger.note();
  }

  #leave(): void {
    this.#forget();
    this.#parts.onClosed(this);
  }

  async discard(): Promise<void> {
    this.#isClosing = true;
    this.#intake.drop();
    this.#abort.abort(new DyncError("cancelled", "The upload is discarded"));
    await this.untilStored();
    this.#leave();
    const { home, id, prospect } = this.#parts;
    await discardUpload(home, id, prospect.destination);
  }
}

/** What it becomes: where nobody knows yet where it goes, an object that nobody sees. */
function targetOf({ home, id, prospect: { destination } }: S3SinkParts): PartsTarget {
  const { keys } = home;
  return {
    key: destination === undefined ? keys.data(id) : keys.of(destination).content,
    about: { "dync-upload": id },
    pieceKey: (place) => keys.piece(id, place),
    begun: (state, patience) => keepState(home, id, state, patience),
  };
}

function hashOf({ sha256 }: S3Home, { state }: Ledger): Sha256 {
  const hash = sha256.load(state);
  assert(hash !== null, "a state that was saved can be loaded");
  return hash;
}
