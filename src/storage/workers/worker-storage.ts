// The storage as a worker has it: the sinks of its uploads, and nothing of names, which the main thread knows.

import { assert } from "../../base/assert.ts";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/error.ts";
import type { Destination } from "../../upload/destination.ts";
import type { Form } from "../../upload/upload.ts";
import type { WholeDataset } from "../dataset/whole-dataset.ts";
import { LocalPartials } from "../local-partials.ts";
import type { PartialUpload } from "../partial.ts";
import { SharedPlaces } from "../partial-places.ts";
import { PartialStorage } from "../partial-storage.ts";
import type { Sha256Maker } from "../sha256/sha256.ts";
import type { Description, StoredNote } from "../storage.ts";
import type { FromWorker, WorkerOptions } from "./said.ts";
import {
  answerOf,
  type DatasetAnswer,
  type DatasetQuestion,
  type ToldDataset,
  toldOf,
} from "./worker-dataset.ts";

/** What the main thread does for it. */
export interface Elsewhere {
  publish(id: string, folder: string, destination: Destination, description: Description): Promise<void>;
  publishDataset(
    id: string,
    folder: string,
    destination: Destination,
    description: Description,
    dataset: ToldDataset,
  ): Promise<void>;
  discard(id: string, folder: string): Promise<void>;
  /** See `FileSystemSync`. */
  sync(descriptor: number): Promise<void>;
  say(message: FromWorker): void;
}

export class WorkerStorage extends PartialStorage {
  readonly #partials: LocalPartials;
  readonly #elsewhere: Elsewhere;
  /** Datasets that are being published, by id. */
  readonly #whole = new Map<string, WholeDataset>();

  constructor(options: WorkerOptions, sha256: Sha256Maker, elsewhere: Elsewhere) {
    const { folder, look, isShared, publishedMode, syncEveryBytes, saveEveryBytes, bootId, membersMax } =
      options;
    super({ syncEveryBytes, bootId, sha256, ...(saveEveryBytes === undefined ? {} : { saveEveryBytes }) });
    this.#elsewhere = elsewhere;
    const { publish, discard, say } = elsewhere;
    this.#partials = new LocalPartials(
      { folder, look, clock: systemClock, ...(isShared ? { places: new SharedPlaces(folder) } : {}) },
      {
        publishedMode,
        publish,
        discard,
        forget: (id) => this.forget(id),
        onTimeRefused: (id, cause) => say({ type: "time-refused", id, reason: messageOf(cause) }),
      },
      {
        membersMax,
        sha256,
        fileSystemSync: options.syncsAll ? { sync: elsewhere.sync, close: async () => {} } : null,
        publish: (id, folder, destination, description, dataset) =>
          this.#publishDataset(id, folder, destination, description, dataset),
      },
    );
  }

  async #publishDataset(
    id: string,
    folder: string,
    destination: Destination,
    description: Description,
    dataset: WholeDataset,
  ): Promise<void> {
    this.#whole.set(id, dataset);
    try {
      await this.#elsewhere.publishDataset(id, folder, destination, description, toldOf(dataset));
    } finally {
      this.#whole.delete(id);
    }
  }

  /** Answers the main thread, which publishes the dataset `id`. */
  async answer(id: string, question: DatasetQuestion): Promise<DatasetAnswer> {
    const dataset = this.#whole.get(id);
    assert(dataset !== undefined, "who asks is publishing it");
    return await answerOf(dataset, question);
  }

  create(id: string, form: Form, root?: string, fence?: number): Promise<PartialUpload> {
    return this.#partials.create(id, form, root, fence);
  }

  open(id: string, root?: string, note?: StoredNote): Promise<PartialUpload | null> {
    return this.#partials.open(id, root, note);
  }

  // The main thread remembers it, which asks whatever worker has the upload next.
  protected override distrust(id: string, note: StoredNote): void {
    this.#elsewhere.say({ type: "distrusted", id, note });
  }

  isPublished(): Promise<boolean> {
    throw new Error("What is published is known to the main thread");
  }

  protected endPublishing(): Promise<void> {
    throw new Error("What is published is known to the main thread");
  }
}
