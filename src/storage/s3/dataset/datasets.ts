// The datasets of an object store: which of them begin, go on, and have their names. Nothing that is there is replaced: one begins where nothing lies, has
// its name in this process from then on, and in all servers by the catalogue.

import { DyncError } from "../../../base/error.ts";
import type { Destination } from "../../../upload/destination.ts";
import { takenText } from "../../../upload/names.ts";
import { parseSidecar } from "../../../upload/sidecar.ts";
import type { Layout } from "../../../upload/upload.ts";
import { HeldPlaces } from "../../held-places.ts";
import {
  NameTaken,
  type Prospect,
  type Remainder,
  type Sink,
  type SinkEvents,
  type StoredNote,
} from "../../storage.ts";
import { type S3Home, soon } from "../home.ts";
import { endPublishing } from "../publish-object.ts";
import { abortUpload, type DatasetState, readDataset } from "../upload-state.ts";
import { DatasetSink, type DatasetSinkParts } from "./dataset-sink.ts";
import { datasetBytes, parseDatasetMark, streamState } from "./mark.ts";
import { openDataset } from "./open-dataset.ts";

export interface DatasetsParts {
  readonly home: S3Home;
  readonly membersMax: number;
  /** Throws `NameTaken` where something is at `destination`; "not-ready" where it is upload `id`. */
  readonly expectFree: (id: string, destination: Destination) => Promise<void>;
  readonly publishing: (
    id: string,
    destination: Destination,
    root: string,
    work: () => Promise<void>,
  ) => Promise<void>;
  readonly onOpened: (sink: DatasetSink) => void;
  readonly onClosed: (sink: DatasetSink) => void;
}

interface Wanted {
  readonly id: string;
  readonly layout: Layout;
  readonly note: StoredNote;
  readonly events: SinkEvents;
  readonly prospect: Prospect;
}

/** Whose an object is. */
interface Whose {
  readonly id: string | undefined;
  readonly dataset: DatasetState | null;
}

const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

export class S3Datasets {
  readonly #parts: DatasetsParts;
  /** Where those go that are open, by their ids. */
  readonly #places = new HeldPlaces();

  constructor(parts: DatasetsParts) {
    this.#parts = parts;
  }

  /** Name of a dataset that comes to where `destination` would be, or beside it, but for upload `id`; `null`: none does. */
  heldBy(destination: Destination, id: string): string | null {
    return this.#places.at(destination, id)?.name ?? null;
  }

  /** One of which nothing is stored yet, but what was begun and is not in its record. */
  async begin(wanted: Wanted): Promise<Sink> {
    const { id, prospect } = wanted;
    const { expectFree } = this.#parts;
    const { destination } = prospect;
    if (destination !== undefined) {
      const other = this.heldBy(destination, id);
      if (other !== null) throw takenBy(destination, other);
      this.#places.set(id, destination);
    }
    try {
      if (destination !== undefined) {
        await expectFree(id, destination);
        await this.#expectEmpty(id, destination);
      }
      return (await this.#open(wanted, this.#rootOf(wanted), false)) as Sink;
    } catch (error) {
      this.#places.delete(id);
      throw error;
    }
  }

  /** Below which its members lie. */
  #rootOf({ id, prospect: { destination } }: Wanted): string {
    const { keys } = this.#parts.home;
    return destination === undefined ? keys.hiddenMembers(id) : keys.members(destination);
  }

  /** Throws where anything lies below it that is not of upload `id`. */
  async #expectEmpty(id: string, destination: Destination): Promise<void> {
    const { client, keys } = this.#parts.home;
    for await (const { key } of client.list(keys.members(destination), soon)) {
      const whose = await this.#whose(key);
      if (whose === "nobody's") continue;
      // It is stored over, or goes when the dataset is published.
      if (whose.id === id) return;
      if (whose.dataset === null) throw takenBy(destination, destination.name);
      const text = "What an earlier upload of this dataset stored is still being taken away";
      throw new DyncError("not-ready", text);
    }
  }

  /** As `Storage.resume`. */
  async resume(wanted: Wanted): Promise<Sink | null> {
    const { id, note, prospect } = wanted;
    const { home } = this.#parts;
    const state = await readDataset(home, id);
    if (parseDatasetMark(note.mark) !== null && state !== null) {
      const { destination } = prospect;
      if (destination !== undefined) this.#places.set(id, destination);
      const sink = await this.#open(wanted, state.members, true).catch((error: unknown) => {
        this.#places.delete(id);
        throw error;
      });
      if (sink !== null) return sink;
      this.#places.delete(id);
      home.log.log("error", "The object store has lost what was stored of a dataset", { upload: id });
    }
    if (note.durable > 0) return null;
    // A crash may have come between what the store has and its record. What lies where it is to be is left there: this server may have been frozen
    // since it took the upload over, and who has it by now may be about to publish it.
    if (state !== null && state.members !== this.#rootOf(wanted)) await abortUpload(home, id);
    return await this.begin({ ...wanted, note: { durable: 0, mark: null } });
  }

  async #open(wanted: Wanted, root: string, isClaimed: boolean): Promise<DatasetSink | null> {
    const { id, layout, note, events, prospect } = wanted;
    const { home, membersMax, publishing, onOpened, onClosed } = this.#parts;
    const parts: DatasetSinkParts = {
      ...{ id, home, size: prospect.size },
      open: (from, sink) => {
        const told = {
          tell: (it: StoredNote) => sink.tell(it),
          isWrittenDown: events.record !== undefined,
          onFailed: (error: unknown) => sink.fail(error),
        };
        const work = { home, id, layout, root, isClaimed, patience: () => sink.patience, ...told };
        return openDataset(work, from, { root: prospect.root, membersMax });
      },
      publishing: (destination, from, work) => publishing(id, destination, from, work),
      onClosed: (sink) => {
        this.#places.delete(id);
        onClosed(sink);
      },
    };
    const sink = await DatasetSink.open(parts, note, events);
    if (sink !== null) onOpened(sink);
    return sink;
  }

  /** As `Storage.recover`; `null`: upload `id` is no dataset, as far as anything says. */
  async recover(
    id: string,
    note: StoredNote,
    destination: Destination,
    sha256: string,
  ): Promise<Remainder | null> {
    const { home } = this.#parts;
    if (await this.isPublished(id, destination)) {
      await endPublishing(home, id, destination, soon);
      return { type: "published" };
    }
    const [mark, state] = [parseDatasetMark(note.mark), await readDataset(home, id)];
    if (mark === null && state === null) return null;
    if (mark === null) return { type: "incomplete", durable: 0, reason: "Not all of it was stored" };
    if (state === null) return { type: "gone" };
    const { layout } = mark;
    const prospect = { root: destination.manner?.untar, destination, size: note.durable };
    const isWhole = home.sha256.load(streamState(mark))?.digest().toString("hex") === sha256;
    if (!isWhole)
      return { type: "incomplete", durable: datasetBytes(mark), reason: "Not all of it was stored" };
    const sink = await this.resume({ id, layout, note, events: noEvents, prospect });
    return sink === null ? { type: "gone" } : { type: "complete", sink };
  }

  /** Whether upload `id` is published as a dataset at `destination`: what describes it comes last. */
  async isPublished(id: string, destination: Destination): Promise<boolean> {
    const { client, keys } = this.#parts.home;
    const sidecar = await client.read(keys.of(destination).metadata, soon);
    const upload = sidecar === null ? null : parseSidecar(sidecar.bytes.toString("utf8"));
    return upload?.id === id && upload.contents !== null;
  }

  /** What lies below `name`: members of a dataset that is not whole yet (the catalogue has its name), something else, or nothing. */
  async below(folder: string, name: string): Promise<"unfinished" | "something" | "nothing"> {
    const { client, keys } = this.#parts.home;
    const root = keys.members({ folder, name });
    for await (const { key } of client.list(root, soon)) {
      const whose = await this.#whose(key);
      if (whose === "nobody's") continue;
      const isUnfinished = whose.dataset?.members === root || whose.dataset?.target === root;
      return isUnfinished ? "unfinished" : "something";
    }
    return "nothing";
  }

  /**
   * Whose an object is that was listed: of which upload, and what is known of that where it is a dataset that is not published. It is nobody's where
   * it is gone: what an upload stored that is given up goes while somebody asks, and what is known of it after that.
   */
  async #whose(key: string): Promise<Whose | "nobody's"> {
    const { home } = this.#parts;
    const there = await home.client.head(key, soon);
    if (there === null) return "nobody's";
    const id = there.about["dync-upload"];
    const dataset = id === undefined ? null : await readDataset(home, id);
    const isThere = dataset !== null || (await home.client.head(key, soon)) !== null;
    return isThere ? { id, dataset } : "nobody's";
  }
}

function takenBy({ name }: Destination, other: string): NameTaken {
  return new NameTaken(takenText(name, other), { file: other, published: null });
}
