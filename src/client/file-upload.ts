// Sends a file so that it survives this process: what is needed to go on is saved before the first message, and the
// same command, or `dync resume`, goes on where the server stopped.

import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { DyncError, messageOf } from "../base/error.ts";
import type { KeyPair, PublicKey } from "../keys/key.ts";
import { sameMetadata } from "../protocol/metadata.ts";
import { FileSource, type FileVersion, type Source } from "./source.ts";
import { type Receipt, type UploadParts, upload } from "./upload.ts";
import type { UnfinishedUpload, UploadTarget } from "./upload-store.ts";

export interface FileUploadRequest {
  readonly path: string;
  /** Name on the server. */
  readonly name: string;
  /** A JSON object within the limits, as it is to arrive. */
  readonly metadataText: string;
  readonly host: string;
  readonly port: number;
  readonly serverKey: PublicKey;
  /** Key file that was named on the command line, or `null`; kept for `dync resume`. */
  readonly serverKeyFile: string | null;
  readonly keys: KeyPair;
  readonly retryForMs: number;
  readonly retryFirst: boolean;
  /** Name and version of this program. */
  readonly client: string;
}

/** A file, by what tells one version of it from another. */
export interface VersionedSource extends Source {
  readonly size: number;
  readonly version: FileVersion;
}

/** What an upload needs of the `UploadStore`. */
export interface UploadMemory {
  find(target: UploadTarget): Promise<UnfinishedUpload | null>;
  save(upload: UnfinishedUpload): Promise<void>;
  remove(identity: string): Promise<void>;
  lock(identity: string): Promise<{ release(): void } | null>;
}

export interface FileUploadParts extends UploadParts {
  readonly store: UploadMemory;
  /** Tells the user something beside the progress. */
  readonly onNote: (text: string) => void;
}

/** Sends the file, or what is missing of it. As `upload`; also rejects when another process is sending it. */
export async function uploadFile(
  request: FileUploadRequest,
  parts: FileUploadParts,
  signal: AbortSignal,
): Promise<Receipt> {
  const source = await FileSource.open(request.path);
  try {
    return await uploadOpened(source, request, parts, signal);
  } finally {
    await source.close();
  }
}

/** As `uploadFile`, for a source that is open and known by its version; the caller closes it. */
export async function uploadOpened(
  source: VersionedSource,
  request: FileUploadRequest,
  parts: FileUploadParts,
  signal: AbortSignal,
): Promise<Receipt> {
  const { state, resume } = await stateFor(request, source, parts);
  // Before the lock, which is a file as well: that one alone would be a leftover that nobody clears away.
  if (!resume) await parts.store.save(state);
  const lock = await parts.store.lock(state.identity);
  if (lock === null) {
    const hint = "wait for it, or stop it and give this command again";
    throw new DyncError("failed", `Another dync process is sending "${request.path}" already`, { hint });
  }
  // With nothing sent there is nothing to go on with.
  let isUnderWay = resume;
  const onProgress: UploadParts["onProgress"] = (progress) => {
    isUnderWay ||= progress.sent > 0;
    parts.onProgress(progress);
  };
  try {
    const { name, metadataText, client, ...connection } = request;
    const task = { name, metadataText, size: source.size, canSeek: true, client, resume };
    const identity = Buffer.from(state.identity, "hex");
    const receipt = await upload({ ...connection, task, source, identity }, { ...parts, onProgress }, signal);
    // It is stored, whatever becomes of the note about it; what stays of that is answered as finished.
    await parts.store.remove(state.identity).catch((error) => {
      parts.onNote(`The state of the upload of "${name}" could not be removed: ${messageOf(error)}`);
    });
    return receipt;
  } catch (error) {
    if (isUnderWay && canGoOn(error)) throw withWayOn(error, state);
    await parts.store.remove(state.identity);
    throw error;
  } finally {
    lock.release();
  }
}

/** Whether what was sent so far is of use for another try. */
function canGoOn(error: unknown): boolean {
  if (!(error instanceof DyncError)) return true;
  const { code } = error;
  return (
    error.meaning.retry ||
    code === "cancelled" ||
    code === "key-refused" ||
    code === "wrong-server" ||
    code === "no-space" ||
    // Such as a disk that fails there: the server keeps what it has.
    code === "internal"
  );
}

function withWayOn(error: unknown, { identity }: UnfinishedUpload): unknown {
  if (!(error instanceof DyncError)) return error;
  const wayOn = `"dync resume ${identity.slice(0, 8)}" goes on with it, "dync cancel ${identity.slice(0, 8)}" drops it`;
  const hint = error.hint === undefined ? wayOn : `${error.hint}; ${wayOn}`;
  return new DyncError(error.code, error.message, { cause: error, hint });
}

async function stateFor(
  request: FileUploadRequest,
  source: VersionedSource,
  parts: FileUploadParts,
): Promise<{ readonly state: UnfinishedUpload; readonly resume: boolean }> {
  const { host, port, name, metadataText, serverKeyFile } = request;
  const target = { host, port, name, path: resolve(request.path) };
  const known = await parts.store.find(target);
  const { version } = source;
  if (known !== null) {
    const isSameFile = isSameVersion(known.version, version);
    if (isSameFile && sameMetadata(known.metadataText, metadataText)) {
      parts.onNote(`Going on with the upload of "${name}" that was begun at ${known.startedAt}`);
      return { state: known, resume: true };
    }
    const what = isSameFile ? "The metadata is not the same as" : "The file is not the same as";
    parts.onNote(`${what} when its upload was begun at ${known.startedAt}: starting anew`);
    await forget(known, parts.store);
  }
  const startedAt = parts.clock.date().toISOString();
  const state = {
    schema: 2,
    identity: newIdentity(),
    ...target,
    serverKeyFile,
    version,
    metadataText,
    startedAt,
  } as const;
  return { state, resume: false };
}

function isSameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.size === b.size && a.modified === b.modified && a.fileId === b.fileId;
}

async function forget(known: UnfinishedUpload, store: UploadMemory): Promise<void> {
  const lock = await store.lock(known.identity);
  if (lock === null) throw new DyncError("failed", `Another dync process is sending "${known.path}" already`);
  await store.remove(known.identity);
  lock.release();
}

/** A socket identity: 16 random bytes as hex. ZeroMQ keeps those that start with a zero byte for itself. */
export function newIdentity(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] as number) | 0x80;
  return bytes.toString("hex");
}
