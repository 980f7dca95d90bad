// Storage on a local disk: partials in `DATA/.dync/partial/`, published files in `DATA/USER/`, both on one file
// system, so that publishing is a matter of names and never copies a byte. Holds the lock on the data folder.

import type { Stats } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import type { FileLock } from "../base/file-lock.ts";
import type { Logger } from "../base/log.ts";
import { systemPath } from "../base/system-path.ts";
import { type Destination, destinationOf, pathOf } from "../upload/destination.ts";
import { namesClash, takenText } from "../upload/names.ts";
import { parseSidecar } from "../upload/sidecar.ts";
import type { Form } from "../upload/upload.ts";
import { amendMetadata } from "./amend.ts";
import { checkDataFolder, idPattern, makePrivateFolder, probeLinks, removeLeftovers } from "./data-folder.ts";
import { emptyJournalBytes } from "./dataset/journal.ts";
import { type DatasetHome, PartialDataset } from "./dataset/partial-dataset.ts";
import { datasetSteps } from "./dataset/publish-dataset.ts";
import { partsOf, treeOf } from "./dataset/tree.ts";
import { takeApart } from "./dropbox-staging.ts";
import { readText } from "./durable-files.ts";
import { lookAt, lookBehind, statFileSystem } from "./file-calls.ts";
import { lockFolder } from "./folder-lock.ts";
import { FolderSyncs } from "./folder-syncs.ts";
import { mediumOf } from "./medium.ts";
import { NameIndex } from "./name-index.ts";
import type { PartialUpload } from "./partial.ts";
import { PartialFile, type PartialHome } from "./partial-file.ts";
import { PartialStorage, type PartialStorageOptions } from "./partial-storage.ts";
import {
  endSteps,
  finalFiles,
  isClaimed,
  type PublishParts,
  type PublishStep,
  publishSteps,
  removeData,
  rollBack,
} from "./publish.ts";
import { dropboxSteps } from "./publish-dropbox.ts";
import { isDataOf } from "./published.ts";
import { PublishingWay } from "./publishing-way.ts";
import { readBack } from "./read-back.ts";
import { openSha256 } from "./sha256/open-sha256.ts";
import type { Sha256Maker } from "./sha256/sha256.ts";
import { stateFolder } from "./state-folder.ts";
import {
  type Description,
  NameTaken,
  type Obstacle,
  type Published,
  type Reading,
  type Storage,
  type StoredAs,
} from "./storage.ts";
import { folderIsAway, storageError } from "./storage-error.ts";
import type { FileSystemSync } from "./syncfs/file-system-sync.ts";
import { openFileSystemSync } from "./syncfs/open-file-system-sync.ts";
import { Trash } from "./trash.ts";

const membersMaxDefault = 1_000_000;

export interface FilesystemStorageOptions extends PartialStorageOptions {
  /** The data folder. It must be there. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether the file system can give a file two names; found out when it is not given. */
  readonly hasLinks?: boolean;
  /** Whether all of a file system can be made durable at once; found out when it is not given. */
  readonly hasFileSystemSync?: boolean;
  /** Most files and folders that a dataset may have; a million unless it is given. */
  readonly membersMax?: number;
}

/** What the system has. */
interface Capabilities {
  readonly remote: string | null;
  readonly fileSystemSync: FileSystemSync | null;
  readonly sha256: Sha256Maker;
}

export class FilesystemStorage extends PartialStorage implements Storage {
  /** What the data folder lies on, where that is no disk of this machine; else `null`. */
  readonly remote: string | null;
  readonly #root: string;
  readonly #lock: FileLock;
  readonly #parts: PublishParts;
  readonly #home: PartialHome;
  readonly #datasetHome: DatasetHome;
  readonly #names: NameIndex;
  readonly #way: PublishingWay;
  /** Which folder of partials was opened: a path may lead to another one later. */
  readonly #look: string | null;
  readonly #log: Logger;
  // Destinations that are being published at this moment.
  readonly #publishing = new Map<string, Destination>();

  private constructor(
    lock: FileLock,
    parts: PublishParts,
    look: string | null,
    options: FilesystemStorageOptions,
    { remote, fileSystemSync, sha256 }: Capabilities,
  ) {
    super({ ...options, sha256 });
    const { log } = options;
    this.remote = remote;
    this.#root = parts.root;
    this.#lock = lock;
    this.#parts = parts;
    this.#look = look;
    this.#log = log;
    this.#names = new NameIndex(parts.root, parts.clock);
    this.#way = new PublishingWay(parts, this.#names);
    this.#home = {
      folder: parts.partials,
      publishedMode: parts.mode,
      explain: (action, cause) => this.#explain(action, cause),
      publish: (id, destination, description) => {
        const steps = destination.manner?.openbis === true ? dropboxSteps : publishSteps;
        return this.#publish(id, destination, description, steps(parts, id, destination, description));
      },
      discard: (id) => this.#discard(id),
      onTimeRefused: (id, cause) => {
        const message = "The file system does not take the time when a file was last modified";
        log.log("warn", message, { upload: id, reason: messageOf(cause) });
      },
    };
    this.#datasetHome = {
      ...this.#home,
      fileSystemSync,
      sha256,
      membersMax: options.membersMax ?? membersMaxDefault,
      publish: (id, destination, description, dataset) =>
        this.#publish(
          id,
          destination,
          description,
          datasetSteps(parts, id, destination, description, dataset),
        ),
    };
  }

  /**
   * Opens the data folder for this process alone.
   *
   * @throws DyncError "configuration" when it is not there, not writable, or used by another server.
   */
  static async open(options: FilesystemStorageOptions): Promise<FilesystemStorage> {
    const { folder, clock, log } = options;
    await checkDataFolder(folder, log);
    // Names have up to 240 bytes: with the folders before them that is more than Windows takes without being told.
    const root = systemPath(folder);
    const state = stateFolder(root);
    const partials = join(state, "partial");
    await makePrivateFolder(state);
    await makePrivateFolder(partials);
    const lock = lockFolder(join(state, "lock.sqlite"), folder);
    try {
      const hasLinks = (await probeLinks(partials, clock)) && options.hasLinks !== false;
      if (!hasLinks) {
        log.log(
          "warn",
          "The file system of the data folder has no hard links: files are moved to their names",
          {
            folder,
          },
        );
      }
      // What the umask leaves of it, as with every program: the administrator decides who may read.
      const mode = 0o666 & ~process.umask();
      const shared = { durableFolders: new Set<string>(), syncs: new FolderSyncs() };
      const parts = { root, partials, mode, hasLinks, ...shared, trash: new Trash(clock, log), clock };
      await removeLeftovers(parts);
      const { syncsAll, remote } = await mediumOf(partials);
      const hasSync = options.hasFileSystemSync !== false && syncsAll;
      const fileSystemSync = hasSync ? await openFileSystemSync() : null;
      const sha256 = options.sha256 ?? (await openSha256());
      // What was written and not synced may be lost there while this system goes on.
      const trusted = remote === null ? options : { ...options, bootId: null };
      const capabilities = { fileSystemSync, sha256, remote };
      return new FilesystemStorage(lock, parts, await lookOf(partials), trusted, capabilities);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async create(id: string, form: Form, root?: string): Promise<PartialUpload> {
    const path = join(this.#parts.partials, id);
    return this.#explained("created", async () =>
      form === "file"
        ? await PartialFile.create(id, path, this.#home)
        : await PartialDataset.create({ id, folder: path, root }, form, this.#datasetHome),
    );
  }

  async open(id: string, root?: string): Promise<PartialUpload | null> {
    return this.#explained("opened", async () => {
      try {
        const { partials, clock } = this.#parts;
        const path = join(partials, id);
        const properties = await lookAt(path);
        if (properties === null) await takeApart(partials, id, clock);
        if (properties?.isDirectory() === true)
          return await PartialDataset.open({ id, folder: path, root }, this.#datasetHome);
        return await PartialFile.open(id, path, this.#home);
      } catch (cause) {
        if (systemCode(cause) !== "ENOENT") throw cause;
        // Not gone with a disk that is not mounted?
        await this.#checkThere();
        return null;
      }
    });
  }

  async #explained<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw await this.#explain(action, cause);
    }
  }

  // A data folder that is away did not lose its files: whatever a call says about it, the answer is the same.
  async #explain(action: string, cause: unknown): Promise<DyncError> {
    try {
      if (!(cause instanceof DyncError)) await this.#checkThere(cause);
    } catch (away) {
      return storageError(action, away);
    }
    return storageError(action, cause);
  }

  async #checkThere(cause?: unknown): Promise<void> {
    let look: string | null;
    try {
      look = await lookOf(this.#parts.partials);
    } catch (error) {
      // Anything else may be trouble of this very look: too many open files, for one.
      if (!["ELOOP", "ENXIO", "ENODEV"].includes(systemCode(error) ?? "")) return;
      throw folderIsAway(cause ?? error);
    }
    if (look !== this.#look) throw folderIsAway(cause);
  }

  async *ids(): AsyncGenerator<string> {
    try {
      for await (const { name } of await opendir(this.#parts.partials)) if (idPattern.test(name)) yield name;
    } catch (cause) {
      throw storageError("looked up", cause);
    }
  }

  async lookAt(id: string): Promise<{ readonly bytes: number; readonly writtenAt: Date } | null> {
    return this.#explained("looked up", async () => {
      const path = join(this.#parts.partials, id);
      const properties = await lookAt(path);
      if (properties === null) return null;
      if (properties.isDirectory()) return await lookAtDataset(path, properties);
      // One that is about to be published has its client's time, which may be years ago, and changed now.
      const writtenAt = new Date(Math.max(properties.ctime.getTime(), properties.mtime.getTime()));
      return { bytes: properties.size, writtenAt };
    });
  }

  async obstacle(destination: Destination): Promise<Obstacle | null> {
    return this.#explained("looked up", async () => {
      const other = this.#beingPublished(destination);
      if (other !== null) return { file: other, published: null };
      if (!(await this.#names.isTaken(destination))) return null;
      const file = await this.#names.whatIsThere(destination);
      return { file, published: file === destination.name ? await this.#publishedAt(destination) : null };
    });
  }

  async amend(id: string, destination: Destination, metadataText: string): Promise<string> {
    const amend = () => amendMetadata(this.#parts, id, destination, metadataText);
    return await this.#explained("stored", () => this.#names.adding(destination.folder, amend));
  }

  async tryDestination(destination: Destination): Promise<void> {
    await this.#explained("stored", async () => {
      await this.#checkThere();
      await this.#way.check(destination);
      // The longest name that publishing makes: some file systems take less than others.
      await lookAt(finalFiles(this.#root, destination).metadata);
    });
  }

  async #publishedAt(destination: Destination): Promise<Published | null> {
    const text = await readText(finalFiles(this.#root, destination).metadata);
    const there = text === null ? null : parseSidecar(text);
    // Elsewhere it is somebody's copy.
    if (there === null || pathOf(destinationOf(there)) !== pathOf(destination)) return null;
    const properties = await lookAt(finalFiles(this.#root, destinationOf(there)).content);
    return isDataOf(properties, there) ? there : null;
  }

  async isPublished(id: string, destination: Destination, sha256: string): Promise<boolean> {
    const there = await this.#explained("looked up", () => this.#publishedAt(destination));
    if (there?.id !== id || there.sha256 !== sha256) return false;
    // A folder under the name is somebody else's as long as ours has not moved there.
    const tree = treeOf(join(this.#parts.partials, id));
    return there.contents === null || (await this.#explained("looked up", () => lookAt(tree))) === null;
  }

  protected override async endPublishing(id: string, destination: Destination): Promise<void> {
    await this.#explained("published", () => this.#perform(id, endSteps(this.#parts, id, destination)));
  }

  pathOf(destination: Destination): string {
    return finalFiles(this.#root, destination).content;
  }

  async readBack(destination: Destination, stored: StoredAs, reading: Reading): Promise<boolean> {
    return await readBack(this.#root, destination, stored, reading, () => this.#checkThere());
  }

  async freeBytes(): Promise<number | null> {
    return this.#explained("looked up", async () => {
      try {
        const { bavail, bsize, blocks } = await statFileSystem(this.#parts.partials);
        // As file systems in user space say that do not know.
        return blocks === 0 ? null : bavail * bsize;
      } catch (cause) {
        if (systemCode(cause) === "ENOSYS") return null;
        throw cause;
      }
    });
  }

  async close(): Promise<void> {
    await this.#parts.trash.close();
    await this.#datasetHome.fileSystemSync?.close();
    this.#lock.release();
  }

  async #publish(
    id: string,
    destination: Destination,
    description: Description,
    steps: readonly PublishStep[],
  ): Promise<void> {
    if (this.#beingPublished(destination) !== null) throw await this.#taken(destination);
    this.#publishing.set(id, destination);
    try {
      // Admission looked already, but that may be days ago; what an earlier attempt left of ours does not count.
      const isTaken = await this.#names.isTaken(destination);
      if (isTaken && !(await isClaimed(this.#parts, id, destination, description))) {
        throw await this.#taken(destination);
      }
      await this.#names.publishing(destination, () => this.#perform(id, steps));
    } catch (error) {
      if (!(error instanceof NameTaken)) throw error;
      // Somebody else has the name for good: nothing of ours may stay beside it.
      await rollBack(this.#parts, id, destination);
      this.#publishing.delete(id);
      throw await this.#taken(destination);
    } finally {
      this.#publishing.delete(id);
    }
  }

  async #perform(id: string, steps: readonly PublishStep[]): Promise<void> {
    for (const step of steps) {
      if (step.isTidying === true) await this.#tidy(id, step);
      else await step.run();
    }
  }

  // What fails once may be over; what stays is no harm, and goes at the next start.
  async #tidy(id: string, step: PublishStep): Promise<void> {
    try {
      await step.run().catch(() => step.run());
    } catch (cause) {
      const message = "What was staged of a published file was not removed; the next start does it";
      this.#log.log("warn", message, { upload: id, reason: messageOf(cause) });
    }
  }

  async #taken(destination: Destination): Promise<NameTaken> {
    const obstacle = (await this.obstacle(destination)) ?? { file: null, published: null };
    return new NameTaken(takenText(destination.name, obstacle.file), obstacle);
  }

  async discard(id: string): Promise<void> {
    await this.#explained("removed", async () => {
      // Not away with a disk that is not mounted?
      if ((await lookAt(join(this.#parts.partials, id))) === null) await this.#checkThere();
      await this.#discard(id);
    });
  }

  async #discard(id: string): Promise<void> {
    await rollBack(this.#parts, id);
    await removeData(this.#parts, id);
  }

  /** Name of the file that is just getting it, or a name it needs. */
  #beingPublished({ folder, name }: Destination): string | null {
    for (const other of this.#publishing.values()) {
      if (other.folder === folder && namesClash(other.name, name)) return other.name;
    }
    return null;
  }
}

// The journal grows with all that comes.
async function lookAtDataset(folder: string, properties: Stats) {
  const journal = await lookAt(partsOf(folder, "plain").journal);
  const writtenAt = new Date(
    Math.max(...[properties, journal ?? properties].map((it) => it.ctime.getTime())),
  );
  return { bytes: Math.max(0, (journal?.size ?? 0) - emptyJournalBytes), writtenAt };
}

async function lookOf(folder: string): Promise<string | null> {
  const properties = await lookBehind(folder);
  return properties === null ? null : `${properties.dev} ${properties.ino}`;
}
