// Storage on a local disk: partials in `DATA/.dync/partial/`, published files in `DATA/USER/`, both on one file
// system, so that publishing is a matter of names and never copies a byte. Holds the lock on the data folder.

import { randomBytes } from "node:crypto";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { messageOf, systemCode } from "../base/error.ts";
import type { FileLock } from "../base/file-lock.ts";
import type { Logger } from "../base/log.ts";
import type { Memory } from "../base/memory/memory.ts";
import { openMemory } from "../base/memory/open-memory.ts";
import { systemPath } from "../base/system-path.ts";
import type { Destination } from "../upload/destination.ts";
import type { Form } from "../upload/upload.ts";
import { amendMetadata } from "./amend.ts";
import {
  checkDataFolder,
  idPattern,
  type Leftovers,
  makePrivateFolder,
  probeLinks,
  removeLeftovers,
} from "./data-folder.ts";
import { datasetSteps } from "./dataset/publish-dataset.ts";
import { lookAt, statFileSystem } from "./file-calls.ts";
import { lockFolder, shareFolder } from "./folder-lock.ts";
import { FolderSyncs } from "./folder-syncs.ts";
import { type FileOwner, LocalPartials, lookOf, type TreeOwner } from "./local-partials.ts";
import { LocalPublishing } from "./local-publishing.ts";
import { mediumOf } from "./medium.ts";
import { NameIndex } from "./name-index.ts";
import type { PartialUpload } from "./partial.ts";
import { gatherPartials, spreadPartials } from "./partial-layouts.ts";
import { OwnPlaces, SharedPlaces } from "./partial-places.ts";
import { PartialStorage, type PartialStorageOptions } from "./partial-storage.ts";
import { endSteps, finalFiles, type PublishParts, publishSteps } from "./publish.ts";
import { dropboxSteps } from "./publish-dropbox.ts";
import { PublishingWay } from "./publishing-way.ts";
import { readBack } from "./read-back.ts";
import { openSha256 } from "./sha256/open-sha256.ts";
import type { Sha256Maker } from "./sha256/sha256.ts";
import { trySharing } from "./share-probe.ts";
import { stateFolder } from "./state-folder.ts";
import type { Obstacle, Reading, Storage, StoredAs, StoredNote } from "./storage.ts";
import { storageError } from "./storage-error.ts";
import type { FileSystemSync } from "./syncfs/file-system-sync.ts";
import { openFileSystemSync } from "./syncfs/open-file-system-sync.ts";
import { Trash } from "./trash.ts";
import { StorageWorkers, type StorageWorkersParts } from "./workers/storage-workers.ts";
import { datasetOf } from "./workers/worker-dataset.ts";

const membersMaxDefault = 1_000_000;
// Where only what is durable counts.
const sharedSyncBytes = 8 * 1024 * 1024;
const smallBytesDefault = 2 * 1024 * 1024;

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
  /** Whether other servers publish into the same folder, each upload by who has its latest fence. */
  readonly isShared?: boolean;
  /** Threads that take uploads; none unless it is given. */
  readonly workers?: WorkersOptions;
}

export interface WorkersOptions extends Pick<StorageWorkersParts, "threads" | "start"> {
  /** Uploads that are announced with at most so many bytes stay with the main thread; a chunk of usual length unless it is given. */
  readonly smallBytes?: number;
}

/** What the system has. */
interface Capabilities {
  readonly remote: string | null;
  readonly memory: Memory | null;
  readonly fileSystemSync: FileSystemSync | null;
  readonly sha256: Sha256Maker;
}

export class FilesystemStorage extends PartialStorage implements Storage {
  /** What the data folder lies on, where that is no disk of this machine; else `null`. */
  readonly remote: string | null;
  readonly #root: string;
  readonly #lock: FileLock;
  readonly #parts: PublishParts;
  readonly #partials: LocalPartials;
  readonly #fileSystemSync: FileSystemSync | null;
  protected override readonly workers: StorageWorkers | null;
  readonly #names: NameIndex;
  readonly #way: PublishingWay;
  readonly #publishing: LocalPublishing;

  private constructor(
    lock: FileLock,
    parts: PublishParts,
    look: string | null,
    options: FilesystemStorageOptions,
    { remote, fileSystemSync, sha256, memory }: Capabilities,
  ) {
    super({ ...options, sha256 });
    const { log } = options;
    this.remote = remote;
    this.#root = parts.root;
    this.#lock = lock;
    this.#parts = parts;
    this.#names = new NameIndex(parts.root, parts.clock);
    this.#way = new PublishingWay(parts, this.#names);
    const files: FileOwner = {
      publishedMode: parts.mode,
      publish: (id, folder, destination, description) => {
        const steps = destination.manner?.openbis === true ? dropboxSteps : publishSteps;
        return this.#publishing.publish(id, folder, destination, description, (there) =>
          steps(there, id, destination, description),
        );
      },
      discard: (id, folder) => this.#publishing.discard(id, folder),
      forget: (id) => this.forget(id),
      onTimeRefused: (id, cause) => {
        const message = "The file system does not take the time when a file was last modified";
        log.log("warn", message, { upload: id, reason: messageOf(cause) });
      },
    };
    const { partials: folder, syncs, clock } = parts;
    const places = options.isShared === true ? new SharedPlaces(folder, syncs) : new OwnPlaces(folder);
    this.#publishing = new LocalPublishing({ parts, names: this.#names, places, log });
    const datasets: TreeOwner = {
      fileSystemSync,
      sha256,
      membersMax: options.membersMax ?? membersMaxDefault,
      publish: (id, folder, destination, description, dataset) =>
        this.#publishing.publish(id, folder, destination, description, (there) =>
          datasetSteps(there, id, destination, description, dataset),
        ),
    };
    this.#partials = new LocalPartials({ folder, look, clock, places }, files, datasets);
    this.#fileSystemSync = fileSystemSync;
    this.workers = memory === null ? null : this.#openWorkers({ ...options, look, memory }, files, datasets);
  }

  #openWorkers(
    options: FilesystemStorageOptions & { readonly look: string | null; readonly memory: Memory },
    files: FileOwner,
    datasets: TreeOwner,
  ): StorageWorkers {
    const { look, memory, log, syncEveryBytes, saveEveryBytes, bootId, isShared = false, workers } = options;
    const { partials: folder, mode: publishedMode } = this.#parts;
    const { membersMax, fileSystemSync } = datasets;
    const syncsAll = fileSystemSync !== null;
    return new StorageWorkers({
      options: {
        ...{ folder, look, isShared, publishedMode, syncEveryBytes, saveEveryBytes, bootId },
        ...{ membersMax, syncsAll },
      },
      ...{ memory, log, threads: 0, smallBytes: smallBytesDefault, ...workers },
      obey: async (request, ask) => {
        if (request.type === "sync") return await fileSystemSync?.sync(request.descriptor);
        const { id, folder } = request;
        if (request.type === "discard") return await files.discard(id, folder);
        const { destination, description } = request;
        if (request.type === "publish") return await files.publish(id, folder, destination, description);
        const dataset = datasetOf(request.dataset, ask, (cause) => files.onTimeRefused(id, cause));
        await datasets.publish(id, folder, destination, description, dataset);
      },
      distrust: (id, note) => this.distrust(id, note),
      timeRefused: (id, reason) => files.onTimeRefused(id, reason),
      discard: (id) => this.discard(id),
    });
  }

  /**
   * Opens the data folder for this process alone, or with others that share it.
   *
   * @throws DyncError "configuration" when it is not there, not writable, or lacks what they need; "unavailable" when another server has it.
   */
  static async open(options: FilesystemStorageOptions): Promise<FilesystemStorage> {
    const { folder, clock, log } = options;
    await checkDataFolder(folder, log, options.isShared);
    // Names have up to 240 bytes: with the folders before them that is more than Windows takes without being told.
    const root = systemPath(folder);
    const state = stateFolder(root);
    const partials = join(state, "partial");
    await makePrivateFolder(state);
    await makePrivateFolder(partials);
    const { isShared = false } = options;
    const [tag, trash] = [isShared ? randomBytes(8).toString("hex") : "", new Trash(clock, log)];
    const lock = await lockFor(options, { state, partials, tag, trash });
    try {
      // Servers that share a folder were refused one without.
      const hasLinks = (isShared || (await probeLinks(partials, clock))) && options.hasLinks !== false;
      if (!isShared) await tidyUp(gatherPartials, { partials, clock, trash });
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
      const parts = { root, partials, own: null, mode, hasLinks, ...shared, trash, clock, tag };
      const { syncsAll, remote } = await mediumOf(partials);
      const hasSync = options.hasFileSystemSync !== false && syncsAll;
      const fileSystemSync = hasSync ? await openFileSystemSync() : null;
      const sha256 = options.sha256 ?? (await openSha256());
      // What was written and not synced may be lost there while this system goes on; and who takes an upload over has nothing else of it.
      const syncEveryBytes = Math.min(options.syncEveryBytes, sharedSyncBytes);
      const trusted = remote === null && !isShared ? options : { ...options, bootId: null, syncEveryBytes };
      const memory = (options.workers?.threads ?? 0) > 0 ? await openMemory() : null;
      const capabilities = { fileSystemSync, sha256, memory, remote };
      return new FilesystemStorage(lock, parts, await lookOf(partials), trusted, capabilities);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  create(id: string, form: Form, root?: string, fence?: number): Promise<PartialUpload> {
    return this.#partials.create(id, form, root, fence);
  }

  open(id: string, root?: string, note?: StoredNote): Promise<PartialUpload | null> {
    return this.#partials.open(id, root, note);
  }

  async *ids(): AsyncGenerator<string> {
    try {
      for await (const { name } of await opendir(this.#parts.partials)) if (idPattern.test(name)) yield name;
    } catch (cause) {
      throw storageError("looked up", cause);
    }
  }

  lookAt(id: string): Promise<{ readonly bytes: number; readonly writtenAt: Date } | null> {
    return this.#partials.lookAt(id);
  }

  obstacle(destination: Destination): Promise<Obstacle | null> {
    return this.#partials.explained("looked up", () => this.#publishing.obstacle(destination));
  }

  async amend(id: string, destination: Destination, metadataText: string): Promise<string> {
    const amend = () => amendMetadata(this.#parts, id, destination, metadataText);
    return await this.#partials.explained("stored", () => this.#names.adding(destination.folder, amend));
  }

  async tryDestination(destination: Destination): Promise<void> {
    await this.#partials.explained("stored", async () => {
      await this.#partials.checkThere();
      await this.#way.check(destination);
      // The longest name that publishing makes: some file systems take less than others.
      await lookAt(finalFiles(this.#root, destination).metadata);
    });
  }

  async isPublished(
    id: string,
    destination: Destination,
    sha256: string,
    note?: StoredNote,
  ): Promise<boolean> {
    // Nobody publishes it any more from here on who was given it before.
    const place = await this.#partials.explained("opened", () => this.#partials.take(id, note));
    const folder = place?.folder ?? null;
    return await this.#partials.explained("looked up", () =>
      this.#publishing.isPublished(id, folder, destination, sha256),
    );
  }

  protected override async endPublishing(
    id: string,
    destination: Destination,
    note?: StoredNote,
  ): Promise<void> {
    await this.#partials.explained("published", async () => {
      const folder = (await this.#partials.take(id, note))?.folder ?? null;
      await this.#publishing.end(id, folder, (there) => endSteps(there, id, destination));
    });
  }

  pathOf(destination: Destination): string {
    return finalFiles(this.#root, destination).content;
  }

  async readBack(destination: Destination, stored: StoredAs, reading: Reading): Promise<boolean> {
    return await readBack(this.#root, destination, stored, reading, () => this.#partials.checkThere());
  }

  async freeBytes(): Promise<number | null> {
    return this.#partials.explained("looked up", async () => {
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
    await this.workers?.close();
    await this.#parts.trash.close();
    await this.#fileSystemSync?.close();
    this.#lock.release();
  }

  async discard(id: string): Promise<void> {
    const { places } = this.#partials;
    await this.#partials.explained("removed", async () => {
      const all = await places.all(id);
      // Not away with a disk that is not mounted?
      const [first] = all;
      if (first === undefined || (await lookAt(join(first, id))) === null) await this.#partials.checkThere();
      for (const folder of all) await this.#publishing.discard(id, folder);
      for (const path of await places.thrownAway(id)) await this.#parts.trash.remove(path);
      await places.gone(id);
    });
  }
}

/** Locks the folder, alone or with others; of these the first one clears up, since what looks left behind later may be under way. */
async function lockFor(
  { folder, clock, isShared = false }: FilesystemStorageOptions,
  {
    state,
    partials,
    tag,
    trash,
  }: Pick<PublishParts, "partials" | "tag" | "trash"> & { readonly state: string },
): Promise<FileLock> {
  const file = join(state, "lock.sqlite");
  if (!isShared) return lockFolder(file, folder);
  await probeLinks(partials, clock, tag);
  await trySharing(folder, partials, tag);
  return await shareFolder(file, folder, clock, () => tidyUp(spreadPartials, { partials, clock, trash }));
}

/** `arrange` has the uploads lie as this server has them. */
async function tidyUp(arrange: (partials: string) => Promise<void>, parts: Leftovers): Promise<void> {
  await arrange(parts.partials);
  await removeLeftovers(parts);
}
