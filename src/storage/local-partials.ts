// The folder of unfinished uploads on a local disk, or on one that servers share: makes and opens what lies in it, and says what an error
// there means. Used by the storage, and by its threads, each of which has the folder for itself as far as it is concerned: no two have the
// same upload.

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DyncError, systemCode } from "../base/error.ts";
import type { Destination } from "../upload/destination.ts";
import type { Form } from "../upload/upload.ts";
import { lookAtDataset } from "./dataset/look-at-dataset.ts";
import { type DatasetHome, PartialDataset } from "./dataset/partial-dataset.ts";
import type { WholeDataset } from "./dataset/whole-dataset.ts";
import { detach } from "./detach.ts";
import { takeApart } from "./dropbox-staging.ts";
import { lookAt, lookBehind } from "./file-calls.ts";
import type { PartialUpload } from "./partial.ts";
import { type Detach, PartialFile, type PartialHome } from "./partial-file.ts";
import { OwnPlaces, type PartialPlace, type PartialPlaces, takenElsewhere } from "./partial-places.ts";
import type { Description, StoredNote } from "./storage.ts";
import { folderIsAway, storageError } from "./storage-error.ts";

/** What whoever has the folder does for the uploads in it. An upload lies in `folder`, which is what `PartialPlace` says. */
export interface FileOwner extends Pick<PartialHome, "onTimeRefused" | "publishedMode"> {
  publish(id: string, folder: string, destination: Destination, description: Description): Promise<void>;
  discard(id: string, folder: string): Promise<void>;
  /** Somebody else had the upload: what is known here of its bytes is old. */
  forget(id: string): void;
}

/** The same for datasets. */
export interface TreeOwner extends Pick<DatasetHome, "fileSystemSync" | "membersMax" | "sha256"> {
  publish(
    id: string,
    folder: string,
    destination: Destination,
    description: Description,
    dataset: WholeDataset,
  ): Promise<void>;
}

export interface LocalPartialsOptions {
  /** Where they lie. */
  readonly folder: string;
  /** Which folder that was when it was opened (`lookOf`): a path may lead to another one later. */
  readonly look: string | null;
  readonly clock: Clock;
  /** Where each lies in it: side by side unless it is given. */
  readonly places?: PartialPlaces;
}

export class LocalPartials {
  readonly #options: LocalPartialsOptions;
  readonly #files: FileOwner;
  readonly #datasets: TreeOwner;
  readonly places: PartialPlaces;

  constructor(options: LocalPartialsOptions, files: FileOwner, datasets: TreeOwner) {
    this.#options = options;
    this.#files = files;
    this.#datasets = datasets;
    this.places = options.places ?? new OwnPlaces(options.folder);
  }

  /** Creates an empty one; `root` as in `Prospect`, `fence` as in `StoredNote`. */
  async create(id: string, form: Form, root?: string, fence?: number): Promise<PartialUpload> {
    return this.explained("created", async () => {
      const place = await this.places.make(id, fence);
      const path = join(place.folder, id);
      if (form === "file") return await PartialFile.create(id, path, this.#homeOf(place));
      return await PartialDataset.create({ id, folder: path, root }, form, this.#datasetHomeOf(place));
    });
  }

  /** Opens one that is there, or returns `null`; `note` is what its record tells. */
  async open(id: string, root?: string, note?: StoredNote): Promise<PartialUpload | null> {
    return this.explained("opened", async () => {
      try {
        const place = await this.take(id, note);
        if (place !== null) return await this.#open(id, place, root);
      } catch (cause) {
        if (systemCode(cause) !== "ENOENT") throw cause;
      }
      // Not gone with a disk that is not mounted?
      await this.checkThere();
      return null;
    });
  }

  /** Takes over where upload `id` lies, of which its record tells `note`. Throws as `PartialPlaces.take` does. */
  async take(id: string, note: StoredNote | undefined): Promise<PartialPlace | null> {
    const place = await this.places.take(id, note?.fence);
    if (place?.isKnown === false) this.#files.forget(id);
    return place;
  }

  async #open(id: string, place: PartialPlace, root?: string): Promise<PartialUpload | null> {
    const { folder, isForeign } = place;
    const path = join(folder, id);
    const properties = await lookAt(path);
    if (properties === null) await takeApart(folder, id, this.#options.clock);
    const staging = join(folder, `${id}.copy`);
    if (properties?.isDirectory() === true) {
      const there = { id, folder: path, root };
      // Whoever had it may have it open.
      const apart = isForeign ? (file: string) => detach(file, staging) : undefined;
      const dataset = await PartialDataset.open(there, this.#datasetHomeOf(place), apart);
      place.isForeign = false;
      return dataset;
    }
    // A file may be large: that is done when its client is told that it has to wait.
    const own: Detach = async (length, check) => {
      await detach(path, staging, length, check);
      place.isForeign = false;
    };
    return await PartialFile.open(id, path, this.#homeOf(place), isForeign ? own : null);
  }

  #homeOf(place: PartialPlace): PartialHome {
    const { folder } = place;
    const { publishedMode, onTimeRefused, publish, discard } = this.#files;
    return {
      ...{ folder, publishedMode, onTimeRefused },
      explain: (action, cause) => this.explain(action, cause, place),
      publish: async (id, destination, description) => {
        await publish(id, folder, destination, description);
        place.leave();
      },
      letGo: () => place.letGo(),
      discard: async (id) => {
        place.leave();
        await discard(id, folder);
      },
    };
  }

  #datasetHomeOf(place: PartialPlace): DatasetHome {
    const { publish, ...own } = this.#datasets;
    return {
      ...this.#homeOf(place),
      ...own,
      publish: async (id, destination, description, dataset) => {
        await publish(id, place.folder, destination, description, dataset);
        place.leave();
      },
    };
  }

  /** What there is of upload `id`, whoever has it. Throws as the others do. */
  async lookAt(id: string): Promise<{ readonly bytes: number; readonly writtenAt: Date } | null> {
    return this.explained("looked up", async () => {
      const folder = await this.places.find(id);
      if (folder === null) return null;
      const path = join(folder, id);
      const properties = await lookAt(path);
      if (properties === null) return null;
      if (properties.isDirectory()) return await lookAtDataset(path, properties);
      // One that is about to be published has its client's time, which may be years ago, and changed now.
      const writtenAt = new Date(Math.max(properties.ctime.getTime(), properties.mtime.getTime()));
      return { bytes: properties.size, writtenAt };
    });
  }

  /** Does `work`, whose errors become those of the contract. */
  async explained<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw await this.explain(action, cause);
    }
  }

  /**
   * The error of the contract behind what the system said, of what lies at `place`. A data folder that is away did not lose its files:
   * whatever a call says about it, the answer is the same.
   */
  async explain(action: string, cause: unknown, place?: PartialPlace): Promise<DyncError> {
    try {
      if (!(cause instanceof DyncError)) await this.checkThere(cause);
      // What one finds missing who was too slow is where another server needs it.
      if (systemCode(cause) === "ENOENT" && (await place?.isThere()) === false) return takenElsewhere();
    } catch (away) {
      return storageError(action, away);
    }
    return storageError(action, cause);
  }

  /** Throws where the folder is away, or another one is in its place. */
  async checkThere(cause?: unknown): Promise<void> {
    let look: string | null;
    try {
      look = await lookOf(this.#options.folder);
    } catch (error) {
      // Anything else may be trouble of this very look: too many open files, for one.
      if (!["ELOOP", "ENXIO", "ENODEV"].includes(systemCode(error) ?? "")) return;
      throw folderIsAway(cause ?? error);
    }
    if (look !== this.#options.look) throw folderIsAway(cause);
  }
}

/** What tells `folder` from another one in its place; `null` when nothing is there. */
export async function lookOf(folder: string): Promise<string | null> {
  const properties = await lookBehind(folder);
  return properties === null ? null : `${properties.dev} ${properties.ino}`;
}
