// Opens where uploads go, as it is configured: the data folder, an object store, or a folder that several servers share.

import { availableParallelism } from "node:os";
import type { Clock } from "../../base/clock.ts";
import { neverInPlace } from "../../base/io-pace.ts";
import type { Logger } from "../../base/log.ts";
import { type Bucket, isBucket, type SharedFolder, writeBucket } from "../../config/object-store.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { bootId } from "../../storage/boot-id.ts";
import { openStateFolder } from "../../storage/data-folder.ts";
import {
  FilesystemStorage,
  type FilesystemStorageOptions,
  type WorkersOptions,
} from "../../storage/filesystem.ts";
import { publishedFiles } from "../../storage/published.ts";
import type { Storage } from "../../storage/storage.ts";
import type { CompleteUpload } from "../../upload/upload.ts";
import { s3PlaceOf } from "./s3-place.ts";

// The main thread, and the one that decrypts.
const busyThreads = 2;

export interface OpenedStorage {
  readonly storage: Storage;
  /** What was published there; what cannot be looked at is a warning to `log`. */
  readonly published: (log: Logger) => AsyncIterable<CompleteUpload>;
  /** Folders in the state folder that are its own. */
  readonly folders: readonly string[];
}

interface Parts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Opens it, and the data folder with it, until `closing` ends. Throws `DyncError`. */
export async function openStorage(
  settings: ProcessSettings,
  parts: Parts,
  closing: AsyncDisposableStack,
): Promise<OpenedStorage> {
  const { storage: place } = settings;
  if (place !== null && isBucket(place)) return await openObjectStore(place, settings, parts, closing);
  if (place !== null) return await openSharedFolder(place, settings, parts, closing);
  const own = { folder: settings.dataFolder, bootId: bootId() };
  return { ...(await openFolder(own, settings, parts, closing)), folders: ["partial"] };
}

type Place = Pick<FilesystemStorageOptions, "folder" | "bootId" | "isShared">;

async function openFolder(
  place: Place,
  settings: ProcessSettings,
  { clock, logger: log }: Parts,
  closing: AsyncDisposableStack,
) {
  const { folder } = place;
  const { syncEveryBytes, datasetMembersMax: membersMax } = settings;
  const disk = { ...place, syncEveryBytes, membersMax };
  const storage = await FilesystemStorage.open({ ...disk, workers: workersOf(settings), clock, log });
  closing.defer(() => storage.close());
  heedDistance(storage, folder, log);
  return { storage, published: (to: Logger) => publishedFiles(folder, to) };
}

function workersOf(settings: ProcessSettings): WorkersOptions {
  // What comes in one chunk stays with the main thread: it costs what it did.
  return { threads: threadsOf(settings), smallBytes: settings.chunkBytes };
}

function threadsOf({ threads }: ProcessSettings): number {
  return threads ?? Math.max(0, availableParallelism() - busyThreads);
}

function heedDistance({ remote }: FilesystemStorage, folder: string, log: Logger): void {
  if (remote === null) return;
  neverInPlace();
  log.log("info", "Files go to a file system of the network, or of a program", {
    folder,
    fileSystem: remote,
  });
}

/** What no record names belongs to nobody there: which one has an upload the catalogue says. */
async function openSharedFolder(
  { folder }: SharedFolder,
  settings: ProcessSettings,
  parts: Parts,
  closing: AsyncDisposableStack,
): Promise<OpenedStorage> {
  const { logger: log } = parts;
  const lock = await openStateFolder(settings.dataFolder, log);
  closing.defer(() => lock.release());
  const opened = await openFolder({ folder, bootId: null, isShared: true }, settings, parts, closing);
  // Where that can be told.
  if (opened.storage.remote === null && process.platform === "linux")
    log.log("warn", "The storage is a folder of this machine's own disk: servers on others do not find it", {
      storage: folder,
    });
  log.log("info", "Uploads go to a folder that several servers share", { storage: folder });
  return { ...opened, folders: [] };
}

async function openObjectStore(
  bucket: Bucket,
  settings: ProcessSettings,
  { clock, logger: log }: Parts,
  closing: AsyncDisposableStack,
): Promise<OpenedStorage> {
  const lock = await openStateFolder(settings.dataFolder, log);
  closing.defer(() => lock.release());
  // Loaded where it is used.
  const { S3Storage } = await import("../../storage/s3/s3-storage.ts");
  const place = await s3PlaceOf(bucket, settings);
  const { prefix } = bucket;
  const { s3MemoryBytes: memoryBytes, datasetMembersMax: membersMax } = settings;
  const storage = await S3Storage.open({
    ...{ place, prefix, clock, log, memoryBytes, membersMax, random: Math.random },
    threads: threadsOf(settings),
  });
  closing.defer(() => storage.close());
  if (place.endpoint.protocol === "http:")
    log.log(
      "warn",
      "The object store is reached without TLS: whoever is on the way can read what is stored",
      {
        endpoint: place.endpoint.origin,
      },
    );
  log.log("info", "Uploads go to an object store", {
    storage: writeBucket(bucket),
    endpoint: place.endpoint.origin,
  });
  return { storage, published: (to) => storage.published(to), folders: [] };
}
