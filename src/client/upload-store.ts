// What the client remembers of unfinished uploads, in `DYNC_HOME/uploads/`, one file each, from before the first
// message until the end. It is a hint: it says under which identity to ask, and what the server answers decides.

import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { FileLock } from "../base/file-lock.ts";
import { writeWhole } from "../base/write-whole.ts";
import { metadataFormFault } from "../protocol/wire/metadata.ts";
import { TargetIndex } from "./target-index.ts";

const schemaNewest = 3;

/** Which version of a file it is, as it is written down: see `FileVersion`. */
export const versionSchema = v.object({
  size: v.number(),
  modified: v.string(),
  // Absent in what older versions of the program wrote.
  changed: v.optional(v.string()),
  fileId: v.string(),
});

const fileSchema = v.object({
  kind: v.literal("file"),
  /** Absolute. */
  path: v.string(),
  version: versionSchema,
});

/** What of a folder is sent, as it is written down: see `Selection`. */
export const selectionSchema = v.object({
  include: v.pipe(v.array(v.string()), v.readonly()),
  exclude: v.pipe(v.array(v.string()), v.readonly()),
  links: v.picklist(["follow", "skip", "fail"]),
  all: v.boolean(),
});

const datasetSchema = v.object({
  kind: v.literal("dataset"),
  /** Absolute. */
  path: v.string(),
  selection: selectionSchema,
  /** What was listed: see `ListingMark`. */
  listing: v.object({
    digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    folderTimes: v.pipe(v.string(), v.base64()),
    /** Bytes of the whole upload. */
    size: v.number(),
  }),
});

const liveSchema = v.object({
  kind: v.literal("live"),
  /** Absolute. */
  path: v.string(),
  selection: selectionSchema,
  /** How it is followed: see `LiveRun`. */
  follow: v.string(),
});

const portSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535));

/** Further addresses of a server, as they are written down: see `Places`. */
export const alsoAtSchema = v.optional(
  v.pipe(v.array(v.object({ host: v.string(), port: portSchema })), v.readonly()),
);

const uploadSchema = v.object({
  schema: v.literal(schemaNewest),
  /** Socket identity, 32 lower-case hex digits. */
  identity: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  host: v.string(),
  port: portSchema,
  alsoAt: alsoAtSchema,
  /** Absolute path of the key file that was named on the command line, or `null`. */
  serverKeyFile: v.nullable(v.string()),
  /** Where the bytes come from: see `MarkedOrigin`. */
  origin: v.variant("kind", [fileSchema, datasetSchema, liveSchema]),
  /** Name on the server. */
  name: v.string(),
  /** A JSON object, as it is sent. */
  metadataText: v.pipe(
    v.string(),
    v.check((text) => metadataFormFault(text) === null),
  ),
  /** Set where the server shall unpack it. */
  unpack: v.optional(v.literal("tar")),
  /** Identities of earlier uploads of this target, which this one takes the place of on the server. */
  replaces: v.optional(v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)))),
  /** The batch that it is a part of, and its number there. */
  batch: v.optional(
    v.object({
      id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
      number: v.pipe(v.number(), v.integer(), v.minValue(0)),
    }),
  ),
  /** ISO 8601. */
  startedAt: v.string(),
  /** Bytes that the server had when this was written; absent where nothing was noted. */
  sent: v.optional(v.number()),
});

const newerSchema = v.looseObject({ schema: v.pipe(v.number(), v.gtValue(schemaNewest)) });

/** An unfinished upload. */
export type UnfinishedUpload = v.InferOutput<typeof uploadSchema>;

/** What makes two commands mean the same upload; of the origin, what kind it is and where it lies. */
export interface UploadTarget extends Pick<UnfinishedUpload, "host" | "port" | "name"> {
  readonly origin: Pick<UnfinishedUpload["origin"], "kind" | "path">;
}

const suffix = ".json";
// As `writeWhole` names its drafts.
const draftSuffix = ".tmp";
const draftAgeMsMin = 60 * 60_000;

/** A file that is no state of an upload, to this version of the program. */
export interface UnreadableState {
  readonly file: string;
  /** Whether a newer version of the program wrote it. */
  readonly isNewer: boolean;
}

export class UploadStore {
  readonly #folder: string;
  readonly #targets: TargetIndex;
  #areDraftsCleared = false;

  /** `home` is the DYNC_HOME folder. */
  constructor(home: string) {
    this.#folder = join(home, "uploads");
    this.#targets = new TargetIndex({
      folder: this.#folder,
      list: () => this.#names(),
      digestOf: async (name) => {
        const upload = await this.#read(name);
        return "identity" in upload ? targetDigest(upload) : null;
      },
    });
  }

  /** All uploads that can be read, oldest first, and the files that cannot, which are left alone. */
  async list(): Promise<{
    readonly uploads: readonly UnfinishedUpload[];
    readonly unreadable: readonly UnreadableState[];
  }> {
    const uploads: UnfinishedUpload[] = [];
    const unreadable: UnreadableState[] = [];
    for (const name of await this.#names()) {
      const upload = await this.#read(name);
      if ("identity" in upload) uploads.push(upload);
      else unreadable.push(upload);
    }
    uploads.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
    return { uploads, unreadable };
  }

  /** The newest upload that was begun for `target`, or `null`. */
  async find(target: UploadTarget): Promise<UnfinishedUpload | null> {
    let newest: UnfinishedUpload | null = null;
    for (const name of await this.#targets.filesFor(targetDigest(target))) {
      const upload = await this.#read(name);
      if (!("identity" in upload)) continue;
      if (newest === null || upload.startedAt.localeCompare(newest.startedAt) >= 0) newest = upload;
    }
    return newest;
  }

  /** Writes it, durably, in one step. Throws `DyncError` ("configuration") when that is not possible. */
  async save(upload: UnfinishedUpload): Promise<void> {
    const file = this.#file(upload.identity);
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeWhole(file, `${JSON.stringify(upload, null, 2)}\n`, { isDurable: true });
    } catch (error) {
      throw new DyncError("configuration", `Cannot write to ${this.#folder}: ${reasonOf(error)}`, {
        cause: error,
        hint: "dync keeps there what it needs to go on after an interruption; make the folder writable",
      });
    }
    if (this.#areDraftsCleared) return;
    this.#areDraftsCleared = true;
    await this.#clearDrafts(file).catch(() => {});
  }

  // What a process that was killed in `save` left. Younger ones may be another process's that is at it now.
  async #clearDrafts(justWritten: string): Promise<void> {
    const nowMs = (await stat(justWritten)).mtimeMs;
    for (const name of await readdir(this.#folder)) {
      if (!name.endsWith(draftSuffix)) continue;
      const draft = join(this.#folder, name);
      const modifiedMs = (await stat(draft).catch(() => null))?.mtimeMs ?? nowMs;
      if (modifiedMs < nowMs - draftAgeMsMin) await rm(draft, { force: true });
    }
  }

  /** Forgets the upload. Its lock file goes first: a process that dies in between leaves what can be gone on with. */
  async remove(identity: string): Promise<void> {
    try {
      await rm(this.#lockFile(identity), { force: true });
    } catch (error) {
      // Windows keeps an open file, and we hold this one: it goes when the lock is released.
      if (!["EBUSY", "EPERM", "EACCES"].includes(systemCode(error) ?? "")) throw error;
    }
    await rm(this.#file(identity), { force: true });
    await rm(this.folderOf(identity), { recursive: true, force: true });
  }

  /** A folder for what else is remembered of an upload; it need not be there. */
  folderOf(identity: string): string {
    return join(this.#folder, identity);
  }

  /**
   * Takes an upload that was saved for this process, or returns `null` when another one has it. The system frees it
   * when we die.
   */
  async lock(identity: string): Promise<{ release(): void } | null> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const lock = FileLock.tryAcquire(this.#lockFile(identity));
    return lock === null ? null : { release: () => this.#release(identity, lock) };
  }

  #release(identity: string, lock: FileLock): void {
    lock.release();
    if (existsSync(this.#file(identity))) return;
    try {
      rmSync(this.#lockFile(identity), { force: true });
    } catch {
      // An empty file stays; nothing depends on it.
    }
  }

  #file(identity: string): string {
    return join(this.#folder, `${identity}${suffix}`);
  }

  #lockFile(identity: string): string {
    return join(this.#folder, `${identity}.lock`);
  }

  async #names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).filter((name) => name.endsWith(suffix));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw new DyncError("configuration", `Cannot read ${this.#folder}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  async #read(name: string): Promise<UnfinishedUpload | UnreadableState> {
    const file = join(this.#folder, name);
    try {
      const value: unknown = JSON.parse(await readFile(file, "utf8"));
      const parsed = v.safeParse(uploadSchema, newestForm(value));
      return parsed.success ? parsed.output : { file, isNewer: v.is(newerSchema, value) };
    } catch {
      // Torn, foreign, or gone meanwhile: the caller names it, and nothing is deleted.
      return { file, isNewer: false };
    }
  }
}

function newestForm(value: unknown): unknown {
  return thirdForm(secondForm(value));
}

/** Version 1 had the metadata as an object, of which every number and name was then one that survives that. */
function secondForm(value: unknown): unknown {
  const parsed = v.safeParse(v.looseObject({ schema: v.literal(1), metadata: v.looseObject({}) }), value);
  if (!parsed.success) return value;
  const { metadata, ...rest } = parsed.output;
  return { ...rest, schema: 2, metadataText: JSON.stringify(metadata) };
}

/** Version 2 knew files only. */
function thirdForm(value: unknown): unknown {
  const parsed = v.safeParse(v.looseObject({ schema: v.literal(2) }), value);
  if (!parsed.success) return value;
  const { path, version, ...rest } = parsed.output;
  return { ...rest, schema: 3, origin: { kind: "file", path, version } };
}

/** The same for two that are for the same target. */
function targetDigest({ host, port, origin, name }: UploadTarget): string {
  return createHash("sha256")
    .update(JSON.stringify([host, port, origin.kind, origin.path, name]))
    .digest("base64url");
}

/** The system's words, without its code and the path that is named already. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/^[A-Z0-9]+: ([^,]+),.*$/, "$1");
}
