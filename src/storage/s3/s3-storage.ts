// The storage in an object store that speaks S3, as Ceph's gateway and AWS do. An unfinished upload is a multipart upload of the key that its file
// gets: nobody sees it until it is complete, and there is no second copy. One that is shorter than a part is in memory until then.

import { type Clock, sleep } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { Semaphore } from "../../base/semaphore.ts";
import type { Destination } from "../../upload/destination.ts";
import { metadataSuffix, takenText } from "../../upload/names.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import type { CompleteUpload, Form } from "../../upload/upload.ts";
import { HeldPlaces } from "../held-places.ts";
import { openSavedSha256 } from "../sha256/open-saved-sha256.ts";
import type { Sha256Maker } from "../sha256/sha256.ts";
import {
  NameTaken,
  type Obstacle,
  type Prospect,
  type Reading,
  type Remainder,
  type Sink,
  type SinkEvents,
  type Storage,
  type StorageProperties,
  type StoredAs,
  type StoredNote,
} from "../storage.ts";
import { amendObject } from "./amend-object.ts";
import { BodyThreads } from "./beside/body-threads.ts";
import { ByteBudget } from "./byte-budget.ts";
import { type ObjectStore, type Part, S3Client } from "./client/s3-client.ts";
import { explained, s3Trouble, startTrouble } from "./client/s3-error.ts";
import { isTls, type S3Place } from "./client/s3-request.ts";
import type { DatasetSink } from "./dataset/dataset-sink.ts";
import { S3Datasets } from "./dataset/datasets.ts";
import { FolderNames } from "./folder-names.ts";
import { closeMs, type S3Home, soon } from "./home.ts";
import { Keys, keyBytesMax } from "./keys.ts";
import { durableOf, Ledger, parseMark } from "./ledger.ts";
import { PartPlan } from "./part-plan.ts";
import { isOf } from "./publish-object.ts";
import { publishedAs, publishedObjects } from "./published-objects.ts";
import { readBackObject } from "./read-back-object.ts";
import { S3Sink } from "./s3-sink.ts";
import { isClaimed, whatIsShown } from "./shown-object.ts";
import { SpentBytes } from "./spent-bytes.ts";
import { tryStore } from "./try-store.ts";
import { abortUpload, discardUpload, readMultipart, readState, rollBack } from "./upload-state.ts";

export interface S3StorageOptions extends S3StorageRules {
  readonly place: S3Place;
  readonly random: () => number;
  /** Threads beside this one that hash and send what is long; none where it is not there. */
  readonly threads?: number;
  /** By what bytes are hashed; found out when it is not given. Its states can be saved. */
  readonly sha256?: Sha256Maker;
}

export interface S3StorageRules {
  /** Below which all keys lie; empty: the bucket is ours alone. */
  readonly prefix: string;
  /** Bytes that all uploads together may have in memory. */
  readonly memoryBytes: number;
  /** Most files and folders that a dataset may have. */
  readonly membersMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The shortest part but for an upload's last, in bytes; what stores take when it is not given. */
  readonly partBytesLeast?: number;
}

/** By what a storage does what it does. */
export interface S3Means {
  readonly client: ObjectStore;
  readonly beside: BodyThreads | null;
  readonly sha256: Sha256Maker;
}

// Collecting takes some milliseconds, so not more often.
const spentBytesMin = 32 * 1024 * 1024;
const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

export class S3Storage implements Storage {
  // Each chunk counts by itself: of what is in memory alone either the client has the bytes, or it is told later.
  readonly properties: StorageProperties = { partBytes: 0, keepsAfterCrash: false };
  readonly emptyNote: StoredNote = { durable: 0, mark: null };
  readonly #home: S3Home;
  readonly #datasets: S3Datasets;
  readonly #open = new Set<S3Sink | DatasetSink>();
  // Destinations that are being published at this moment.
  readonly #publishing = new HeldPlaces();
  #isRelieving = false;
  #isLeaving = false;
  readonly #closed = new AbortController();

  /** One over a store that was tried already. */
  constructor(options: S3StorageRules, means: S3Means) {
    const { clock, log, memoryBytes } = options;
    const { client } = means;
    const keys = new Keys(options.prefix);
    const spent = new SpentBytes(Math.max(spentBytesMin, memoryBytes / 4));
    this.#home = {
      ...{ ...means, keys, clock, log },
      plan: new PartPlan(memoryBytes, options.partBytesLeast),
      budget: new ByteBudget(
        memoryBytes,
        () => void this.#relieve(),
        (bytes) => spent.add(bytes),
      ),
      assembling: new Semaphore(),
      names: new FolderNames((folder) => client.names(keys.folder(folder), soon), clock),
    };
    this.#datasets = new S3Datasets({
      ...{ home: this.#home, membersMax: options.membersMax },
      expectFree: async (id, destination) => {
        if ((await this.obstacle(destination)) !== null) throw await this.#taken(id, destination);
      },
      publishing: (id, destination, root, work) => this.#publishDataset(id, destination, root, work),
      onOpened: (it) => this.#opened(it),
      onClosed: (it) => this.#open.delete(it),
    });
  }

  /**
   * Opens the storage, and tries whether it can be used.
   *
   * @throws DyncError "configuration" when it cannot, "unavailable" when it does not answer.
   */
  static async open(options: S3StorageOptions): Promise<S3Storage> {
    const { place, prefix, clock, log, random, threads = 0 } = options;
    const own = { isTls: isTls(place), ca: place.ca };
    const beside = threads === 0 ? null : new BodyThreads({ threads, options: own, log });
    const client = new S3Client(place, { clock, log, random, beside: beside ?? undefined });
    try {
      await tryStore(client, new Keys(prefix), log);
    } catch (error) {
      client.close();
      throw startTrouble(`s3://${place.bucket}${prefix === "" ? "" : `/${prefix}`}`, error, clock.date());
    }
    const sha256 = await openSavedSha256(options.sha256);
    return new S3Storage(options, { client, beside, sha256 });
  }

  async begin(id: string, form: Form, events: SinkEvents, prospect: Prospect = {}): Promise<Sink> {
    if (form !== "file")
      return await explained("stored", () =>
        this.#datasets.begin({ id, layout: form, note: this.emptyNote, events, prospect }),
      );
    this.#home.plan.checkSize(prospect.size);
    return this.#sinkOf(id, this.#emptyLedger(), prospect, events);
  }

  async resume(
    id: string,
    form: Form,
    note: StoredNote,
    events: SinkEvents,
    prospect: Prospect = {},
  ): Promise<Sink | null> {
    return await explained("looked up", async () => {
      if (form !== "file") return await this.#datasets.resume({ id, layout: form, note, events, prospect });
      const ledger = await this.#ledgerOf(id, note, prospect.destination);
      if (ledger !== null) return this.#sinkOf(id, ledger, prospect, events);
      if (note.durable > 0) return null;
      // A crash may have come between what the store has and its record.
      await abortUpload(this.#home, id);
      return await this.begin(id, form, events, prospect);
    });
  }

  /** What `note` says is stored, where it is there; `null`: it is not, or says nothing. */
  async #ledgerOf(id: string, note: StoredNote, destination?: Destination): Promise<Ledger | null> {
    const mark = parseMark(note.mark);
    if (mark === null) return null;
    const { client, keys } = this.#home;
    const { key, listed } = await this.#partsOf(id, mark.upload, destination);
    const hidden = listed === null && key === keys.data(id) ? await client.head(key, soon) : null;
    const isWhole = hidden?.size === durableOf(mark);
    const ledger = listed !== null ? Ledger.of(mark, listed) : isWhole ? Ledger.ofWhole(mark) : null;
    if (ledger !== null) {
      ledger.key = key;
      return ledger;
    }
    const reason = listed === null ? "there is no such multipart upload" : "its parts are others";
    this.#home.log.log("error", "The object store has lost what was stored of an upload", {
      upload: id,
      reason,
    });
    return null;
  }

  /** The parts of that multipart upload, and what it becomes; `null`: there is none of which either is known. */
  async #partsOf(
    id: string,
    uploadId: string | null,
    destination: Destination | undefined,
  ): Promise<{ readonly key: string | null; readonly listed: readonly Part[] | null }> {
    if (uploadId === null) return { key: null, listed: [] };
    const { client, keys } = this.#home;
    const state = await readMultipart(this.#home, id);
    if (state?.uploadId === uploadId)
      return { key: state.key, listed: await client.parts(state.key, uploadId, soon) };
    // Whoever had the upload before may have said late what it began then. What the record says is so.
    const hidden = keys.data(id);
    for (const key of destination === undefined ? [hidden] : [keys.of(destination).content, hidden]) {
      const listed = await client.parts(key, uploadId, soon);
      if (listed !== null) return { key, listed };
    }
    return { key: null, listed: null };
  }

  #emptyLedger(): Ledger {
    return new Ledger(this.#home.sha256.create().save() as Uint8Array);
  }

  #sinkOf(id: string, ledger: Ledger, prospect: Prospect, events: SinkEvents): S3Sink {
    const home = this.#home;
    const sink = new S3Sink(
      {
        ...{ id, ledger, prospect, home },
        publishing: (destination, work) => this.#publish(id, destination, work),
        onClosed: (it) => this.#open.delete(it),
      },
      events,
    );
    this.#opened(sink);
    return sink;
  }

  #opened(sink: S3Sink | DatasetSink): void {
    this.#open.add(sink);
    if (this.#isLeaving) sink.giveUp();
  }

  /** Has uploads store what they hold in memory until nobody waits for some; the largest first. */
  async #relieve(): Promise<void> {
    if (this.#isRelieving) return;
    this.#isRelieving = true;
    try {
      while (this.#home.budget.isShort) {
        const [first] = [...this.#open].sort((a, b) => b.spillable - a.spillable);
        // All of it is on its way already.
        if (first === undefined || first.spillable === 0) return;
        await first.makeRoom();
      }
    } finally {
      this.#isRelieving = false;
    }
  }

  async recover(id: string, note: StoredNote, destination: Destination, sha256: string): Promise<Remainder> {
    return await explained("looked up", async () => {
      const { keys } = this.#home;
      const shown = () => whatIsShown(this.#home, { id, note, destination, sha256 });
      const before = await shown();
      if (before !== null) return before;
      const dataset = await this.#datasets.recover(id, note, destination, sha256);
      if (dataset !== null) return dataset;
      const ledger = await this.#ledgerOf(id, note, destination);
      if (ledger !== null && this.#digestOf(ledger) === sha256)
        return { type: "complete", sink: this.#sinkOf(id, ledger, { destination }, noEvents) };
      const wasClaimed = await isClaimed(this.#home, id, destination);
      await rollBack(this.#home, id, keys.of(destination));
      // Whoever had it before may have put its parts together since they were looked for, or made its object, of which the description is gone now.
      const late = await shown();
      if (late !== null) return late;
      if (ledger === null && (note.durable > 0 || !wasClaimed)) return { type: "gone" };
      const reason = "Not all of it was stored";
      return { type: "incomplete", durable: ledger?.durable ?? 0, reason };
    });
  }

  #digestOf({ state }: Ledger): string | null {
    return this.#home.sha256.load(state)?.digest().toString("hex") ?? null;
  }

  /** Whether its object is there: a server that was frozen while it made it may make it after another one took over. */
  async #isObjectOf(id: string, destination: Destination): Promise<boolean> {
    const { client, keys } = this.#home;
    const there = await client.head(keys.of(destination).content, soon);
    return there !== null && isOf(id, there);
  }

  async discard(id: string): Promise<void> {
    await discardUpload(this.#home, id);
  }

  async *ids(): AsyncGenerator<string> {
    const { client, keys } = this.#home;
    try {
      let last: string | null = null;
      for await (const { key } of client.list(keys.uploads, soon)) {
        const id = keys.idOf(key);
        if (id !== null && id !== last) yield id;
        last = id;
      }
    } catch (error) {
      throw s3Trouble("looked up", error);
    }
  }

  async lookAt(id: string): Promise<{ readonly bytes: number; readonly writtenAt: Date } | null> {
    return await explained("looked up", async () => {
      const { client, keys } = this.#home;
      let found: { bytes: number; writtenAt: Date } | null = null;
      for await (const { key, size, modified } of client.list(keys.upload(id), soon)) {
        const bytes = key === keys.upload(id) ? await this.#storedBytes(id) : size;
        const before: { bytes: number; writtenAt: Date } = found ?? { bytes: 0, writtenAt: modified };
        const writtenAt = new Date(Math.max(before.writtenAt.getTime(), modified.getTime()));
        found = { bytes: before.bytes + bytes, writtenAt };
      }
      return found;
    });
  }

  async #storedBytes(id: string): Promise<number> {
    const { client, keys } = this.#home;
    const state = await readState(this.#home, id);
    if (state === null) return 0;
    if ("uploadId" in state) {
      const parts = (await client.parts(state.key, state.uploadId, soon)) ?? [];
      return parts.reduce((sum, { size }) => sum + size, 0);
    }
    let bytes = 0;
    // What lies hidden is counted with the rest of what does.
    if (!keys.isHidden(state.members))
      for await (const { size } of client.list(state.members, soon)) bytes += size;
    return bytes;
  }

  async obstacle(destination: Destination): Promise<Obstacle | null> {
    return await explained("looked up", async () => {
      const other = this.#publishing.at(destination);
      const there = await this.#thereAt(destination);
      // Of what is published here all may be there already: another server took it over, and was faster.
      if (other === null || there?.published?.id === other.id) return there;
      return { file: other.name, published: null, claimedBy: other.id };
    });
  }

  /** What the store has at `destination`, or in its way. */
  async #thereAt(destination: Destination): Promise<Obstacle | null> {
    const { client, keys, names } = this.#home;
    const { content, metadata } = keys.of(destination);
    const [seen, sidecar, clash] = await Promise.all([
      client.head(content, soon),
      client.read(metadata, soon),
      names.clash(destination),
    ]);
    // The claim comes first: where that is there alone, the object may have come since.
    const there = seen ?? (sidecar === null ? null : await client.head(content, soon));
    if (there !== null) {
      const about = sidecar ?? (await client.read(metadata, soon));
      return { file: destination.name, published: publishedAs(destination, there.size, about?.bytes) };
    }
    const dataset = publishedAs(destination, null, sidecar?.bytes);
    if (dataset !== null) return { file: destination.name, published: dataset };
    if (sidecar !== null) {
      const claimedBy = parseSidecar(sidecar.bytes.toString("utf8"))?.id;
      return { file: destination.name + metadataSuffix, published: null, claimedBy };
    }
    if (clash === null) return null;
    // Somebody may have taken away what was listed.
    names.forget(destination.folder);
    const still = await names.clash(destination);
    if (still === null || !(await this.#isHeld(destination.folder, still))) return null;
    // Of what is being published something may have come since: what says whose it is comes first.
    if (sidecar === null && (await client.head(metadata, soon)) !== null)
      return await this.#thereAt(destination);
    return { file: still, published: null };
  }

  /**
   * Whether a name that is listed is somebody's. A prefix may be listed below which there is nothing: Ceph does so where its gateway died while
   * it stored an object there.
   */
  async #isHeld(folder: string, name: string): Promise<boolean> {
    const below = await this.#datasets.below(folder, name);
    if (below !== "nothing") return below === "something";
    const { client, keys } = this.#home;
    return (await client.head(keys.folder(folder) + name, soon)) !== null;
  }

  /** Runs `work`, which publishes upload `id` at `destination`, unless something is there. */
  async #publish(id: string, destination: Destination, work: () => Promise<void>): Promise<void> {
    const isHeld =
      this.#publishing.inTheWayOf(id, destination) !== null ||
      this.#datasets.heldBy(destination, id) !== null;
    if (isHeld) {
      const obstacle = await this.obstacle(destination);
      if (obstacle !== null) throw takenBy(id, destination, obstacle);
      // Of what holds it here nothing is in the store: it is gone in a moment.
      const text = `What another upload of ${JSON.stringify(destination.name)} stored is still being taken away`;
      throw new DyncError("not-ready", text);
    }
    this.#publishing.set(id, destination);
    try {
      const clash = await this.#home.names.clash(destination);
      const isOwn =
        clash === null ||
        (await isClaimed(this.#home, id, destination)) ||
        (await this.#isObjectOf(id, destination));
      if (!isOwn) {
        this.#publishing.delete(id);
        if ((await this.obstacle(destination)) !== null) throw await this.#taken(id, destination);
        this.#publishing.set(id, destination);
      }
      await work();
    } catch (error) {
      this.#publishing.delete(id);
      throw error instanceof NameTaken ? await this.#taken(id, destination) : error;
    } finally {
      this.#publishing.delete(id);
    }
  }

  /** The same of a dataset whose members lie below `root`. */
  async #publishDataset(
    id: string,
    destination: Destination,
    root: string,
    work: () => Promise<void>,
  ): Promise<void> {
    // Where it has its place already nobody else came since.
    if (root !== this.#home.keys.members(destination)) return await this.#publish(id, destination, work);
    try {
      await work();
    } catch (error) {
      throw error instanceof NameTaken ? await this.#taken(id, destination) : error;
    }
  }

  /** Why upload `id` cannot be at `destination`. */
  async #taken(id: string, destination: Destination): Promise<DyncError> {
    const obstacle = (await this.obstacle(destination)) ?? { file: null, published: null };
    return takenBy(id, destination, obstacle);
  }

  async amend(id: string, destination: Destination, metadataText: string): Promise<string> {
    return await explained("stored", () => amendObject(this.#home, id, destination, metadataText));
  }

  async tryDestination(destination: Destination): Promise<void> {
    const longest = Buffer.byteLength(this.#home.keys.of(destination).metadata);
    if (longest > keyBytesMax)
      throw new DyncError("forbidden", `The path is too long for the object store: ${longest} bytes`);
    const { mode, group, openbis } = destination.manner ?? {};
    const wanted = mode !== undefined ? "mode" : group !== undefined ? "group" : openbis ? "layout" : null;
    if (wanted === null) return;
    const text = `A rule of the server gives files a ${wanted}, which an object store does not have`;
    throw new DyncError("internal", text, { hint: `take ${wanted} out of that rule in server.toml` });
  }

  async readBack(destination: Destination, stored: StoredAs, reading: Reading): Promise<boolean> {
    return await explained("read", () => readBackObject(this.#home, destination, stored, reading));
  }

  /** All that was published, for a catalogue that was lost. */
  published(log: Logger): AsyncIterable<CompleteUpload> {
    return publishedObjects(this.#home, log);
  }

  pathOf(): null {
    return null;
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  stopWaiting(): void {
    const leave = (): void => {
      this.#isLeaving = true;
      for (const sink of this.#open) sink.giveUp();
    };
    sleep(this.#home.clock, closeMs, this.#closed.signal).then(leave, () => {});
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#home.client.close();
    await this.#home.beside?.close();
  }
}

/** Why upload `id` cannot have a name that `obstacle` has. */
function takenBy(id: string, { name }: Destination, obstacle: Obstacle): DyncError {
  if (obstacle.published?.id === id)
    return new DyncError("not-ready", "Another server has published this upload meanwhile");
  return new NameTaken(takenText(name, obstacle.file), obstacle);
}
