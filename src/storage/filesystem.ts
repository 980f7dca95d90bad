// Storage on a local disk: partials in `DATA/.dync/partial/`, published files in `DATA/USER/`, both on one file
// system, so that publishing is a matter of names and never copies a byte. Holds the lock on the data folder.

import type { Stats } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { messageOf, systemCode } from "../base/error.ts";
import type { FileLock } from "../base/file-lock.ts";
import type { Logger } from "../base/log.ts";
import type { Memory } from "../base/memory/memory.ts";
import { openMemory } from "../base/memory/open-memory.ts";
import { systemPath } from "../base/system-path.ts";
import { type Destination, destinationOf, pathOf } from "../upload/destination.ts";
import { namesClash, takenText } from "../upload/names.ts";
import { parseSidecar } from "../upload/sidecar.ts";
import type { Form } from "../upload/upload.ts";
import { amendMetadata } from "./amend.ts";
import { checkDataFolder, idPattern, makePrivateFolder, probeLinks, removeLeftovers } from "./data-folder.ts";
import { emptyJournalBytes } from "./dataset/journal.ts";
import { datasetSteps } from "./dataset/publish-dataset.ts";
import { partsOf, treeOf } from "./dataset/tree.ts";
import { readText } from "./durable-files.ts";
import { lookAt, statFileSystem } from "./file-calls.ts";
import { lockFolder } from "./folder-lock.ts";
import { FolderSyncs } from "./folder-syncs.ts";
import { type FileHome, LocalPartials, lookOf } from "./local-partials.ts";
import { mediumOf } from "./medium.ts";
import { NameIndex } from "./name-index.ts";
import type { PartialUpload } from "./partial.ts";
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
  type Prospect,
  type Published,
  type Reading,
  type Sink,
  type SinkEvents,
  type Storage,
  type StoredAs,
  type StoredNote,
} from "./storage.ts";
import { storageError } from "./storage-error.ts";
import type { FileSystemSync } from "./syncfs/file-system-sync.ts";
import { openFileSystemSync } from "./syncfs/open-file-system-sync.ts";
import { Trash } from "./trash.ts";
import { StorageWorkers, type StorageWorkersParts } from "./workers/storage-workers.ts";

const membersMaxDefault = 1_000_000;
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
  readonly #workers: StorageWorkers | null;
  readonly #names: NameIndex;
  readonly #way: PublishingWay;
  readonly #log: Logger;
  // Destinations that are being published at this moment.
  readonly #publishing = new Map<string, Destination>();

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
    this.#log = log;
    this.#names = new NameIndex(parts.root, parts.clock);
    this.#way = new PublishingWay(parts, this.#names);
    const files: FileHome = {
      publishedMode: parts.mode,
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
    this.#partials = new LocalPartials({ folder: parts.partials, look, clock: parts.clock }, files, {
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
    });
    this.#fileSystemSync = fileSystemSync;
    this.#workers = memory === null ? null : this.#openWorkers({ ...options, look, memory }, files);
  }

  #openWorkers(
    options: FilesystemStorageOptions & { readonly look: string | null; readonly memory: Memory },
    files: FileHome,
  ): StorageWorkers {
    const { look, memory, log, syncEveryBytes, saveEveryBytes, bootId, workers } = options;
    const { partials: folder, mode: publishedMode } = this.#parts;
    return new StorageWorkers({
      options: { folder, look, publishedMode, syncEveryBytes, saveEveryBytes, bootId },
      ...{ memory, log, threads: 0, smallBytes: smallBytesDefault, ...workers },
      obey: async (request) => {
        if (request.type === "discard") await this.#discard(request.id);
        else await files.publish(request.id, request.destination, request.description);
      },
      distrust: (id, note) => this.distrust(id, note),
      timeRefused: (id, reason) => files.onTimeRefused(id, reason),
      discard: (id) => this.discard(id),
    });
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
      const memory = (options.workers?.threads ?? 0) > 0 ? await openMemory() : null;
      const capabilities = { fileSystemSync, sha256, memory, remote };
      return new FilesystemStorage(lock, parts, await lookOf(partials), trusted, capabilities);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  override async begin(id: string, form: Form, events: SinkEvents, prospect: Prospect = {}): Promise<Sink> {
    const worker = this.#workers?.of(id, form, prospect) ?? null;
    if (worker === null) return await super.begin(id, form, events, prospect);
    return await worker.begin(id, form, prospect.root, events);
  }

  override async resume(
    id: string,
    form: Form,
    note: StoredNote,
    events: SinkEvents,
    prospect: Prospect = {},
  ): Promise<Sink | null> {
    const worker = this.#workers?.of(id, form, prospect) ?? null;
    if (worker === null) return await super.resume(id, form, note, events, prospect);
    const sink = await worker.resume(id, form, prospect.root, this.known(id, note), events);
    if (sink !== null) this.trustAgain(id);
    return sink;
  }

  create(id: string, form: Form, root?: string): Promise<PartialUpload> {
    return this.#partials.create(id, form, root);
  }

  open(id: string, root?: string): Promise<PartialUpload | null> {
    return this.#partials.open(id, root);
  }

  async *ids(): AsyncGenerator<string> {
    try {
      for await (const { name } of await opendir(this.#parts.partials)) if (idPattern.test(name)) yield name;
    } catch (cause) {
      throw storageError("looked up", cause);
    }
  }

  async lookAt(id: string): Promise<{ readonly bytes: number; readonly writtenAt: Date } | null> {
    return this.#partials.explained("looked up", async () => {
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
    return this.#partials.explained("looked up", async () => {
      const other = this.#beingPublished(destination);
      if (other !== null) return { file: other, published: null };
      if (!(await this.#names.isTaken(destination))) return null;
      const file = await this.#names.whatIsThere(destination);
      return { file, published: file === destination.name ? await this.#publishedAt(destination) : null };
    });
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

  async #publishedAt(destination: Destination): Promise<Published | null> {
    const text = await readText(finalFiles(this.#root, destination).metadata);
    const there = text === null ? null : parseSidecar(text);
    // Elsewhere it is somebody's copy.
    if (there === null || pathOf(destinationOf(there)) !== pathOf(destination)) return null;
    const properties = await lookAt(finalFiles(this.#root, destinationOf(there)).content);
    return isDataOf(properties, there) ? there : null;
  }

  async isPublished(id: string, destination: Destination, sha256: string): Promise<boolean> {
    const there = await this.#partials.explained("looked up", () => this.#publishedAt(destination));
    if (there?.id !== id || there.sha256 !== sha256) return false;
    // A folder under the name is somebody else's as long as ours has not moved there.
    const tree = treeOf(join(this.#parts.partials, id));
    return (
      there.contents === null || (await this.#partials.explained("looked up", () => lookAt(tree))) === null
    );
  }

  protected override async endPublishing(id: string, destination: Destination): Promise<void> {
    await this.#partials.explained("published", () =>
      this.#perform(id, endSteps(this.#parts, id, destination)),
    );
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
    await this.#workers?.close();
    await this.#parts.trash.close();
    await this.#fileSystemSync?.close();
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
      const isTaken = await this.#names.isTakenAsKnown(destination);
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
    await this.#partials.explained("removed", async () => {
      // Not away with a disk that is not mounted?
      if ((await lookAt(join(this.#parts.partials, id))) === null) await this.#partials.checkThere();
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
