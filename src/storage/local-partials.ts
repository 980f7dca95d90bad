// The folder of unfinished uploads on a local disk: makes and opens what lies in it, and says what an error there means. Used by the
// storage, and by its threads, each of which has the folder for itself as far as it is concerned: no two have the same upload.

import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DyncError, systemCode } from "../base/error.ts";
import type { Form } from "../upload/upload.ts";
import { type DatasetHome, PartialDataset } from "./dataset/partial-dataset.ts";
import { takeApart } from "./dropbox-staging.ts";
import { lookAt, lookBehind } from "./file-calls.ts";
import type { PartialUpload } from "./partial.ts";
import { PartialFile, type PartialHome } from "./partial-file.ts";
import { folderIsAway, storageError } from "./storage-error.ts";

type Given = "publish" | "discard" | "onTimeRefused" | "publishedMode";

/** What whoever has the folder gives to the uploads in it. */
export type FileHome = Pick<PartialHome, Given>;
export type TreeHome = Omit<
  DatasetHome,
  "folder" | "explain" | "discard" | "onTimeRefused" | "publishedMode"
>;

export interface LocalPartialsOptions {
  /** Where they lie. */
  readonly folder: string;
  /** Which folder that was when it was opened (`lookOf`): a path may lead to another one later. */
  readonly look: string | null;
  readonly clock: Clock;
}

export class LocalPartials {
  readonly #options: LocalPartialsOptions;
  readonly #home: PartialHome;
  readonly #datasetHome: DatasetHome;

  constructor(options: LocalPartialsOptions, files: FileHome, datasets: TreeHome) {
    this.#options = options;
    const { folder } = options;
    this.#home = { ...files, folder, explain: (action, cause) => this.explain(action, cause) };
    this.#datasetHome = { ...this.#home, ...datasets };
  }

  /** Creates an empty one; `root` as in `Prospect`. */
  async create(id: string, form: Form, root?: string): Promise<PartialUpload> {
    const path = join(this.#options.folder, id);
    return this.explained("created", async () =>
      form === "file"
        ? await PartialFile.create(id, path, this.#home)
        : await PartialDataset.create({ id, folder: path, root }, form, this.#datasetHome),
    );
  }

  /** Opens one that is there, or returns `null`. */
  async open(id: string, root?: string): Promise<PartialUpload | null> {
    return this.explained("opened", async () => {
      try {
        const { folder, clock } = this.#options;
        const path = join(folder, id);
        const properties = await lookAt(path);
        if (properties === null) await takeApart(folder, id, clock);
        if (properties?.isDirectory() === true)
          return await PartialDataset.open({ id, folder: path, root }, this.#datasetHome);
        return await PartialFile.open(id, path, this.#home);
      } catch (cause) {
        if (systemCode(cause) !== "ENOENT") throw cause;
        // Not gone with a disk that is not mounted?
        await this.checkThere();
        return null;
      }
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
   * The error of the contract behind what the system said. A data folder that is away did not lose its files: whatever a call says
   * about it, the answer is the same.
   */
  async explain(action: string, cause: unknown): Promise<DyncError> {
    try {
      if (!(cause instanceof DyncError)) await this.checkThere(cause);
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
