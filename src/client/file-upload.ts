// Sends a file so that it survives this process: what is needed to go on is saved before the first message, and the
// same command, or `dync resume`, goes on where the server stopped.

import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { DyncError, messageOf } from "../base/error.ts";
import { localTime } from "../base/local-time.ts";
import { limits } from "../protocol/limits.ts";
import { sameMetadata } from "../protocol/metadata.ts";
import { type FileVersion, isSameVersion, openFileSource } from "./file-source.ts";
import { SentRecord } from "./sent-record.ts";
import type { Source } from "./source.ts";
import { type Receipt, type UploadOptions, type UploadParts, upload } from "./upload.ts";
import type { UnfinishedUpload, UploadTarget } from "./upload-store.ts";

/** What is sent where, whatever it is read from. */
export interface UploadRequest
  extends Pick<UploadOptions, "host" | "port" | "serverKey" | "keys" | "retryForMs" | "retryFirst"> {
  /** Name on the server. */
  readonly name: string;
  /** A JSON object within the limits, as it is to arrive. */
  readonly metadataText: string;
  /** Name and version of this program. */
  readonly client: string;
}

export interface FileUploadRequest extends UploadRequest {
  readonly path: string;
  /** Absolute path of the key file that was named on the command line, or `null`; kept for `dync resume`. */
  readonly serverKeyFile: string | null;
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
  /** Warns the user; the hint says what follows from it. */
  readonly onWarning: (text: string, hint: string) => void;
}

/** Sends the file, or what is missing of it. As `upload`; also rejects when another process is sending it. */
export async function uploadFile(
  request: FileUploadRequest,
  parts: FileUploadParts,
  signal: AbortSignal,
): Promise<Receipt> {
  const source = await openFileSource(request.path);
  try {
    if (source.size === null) return await uploadOnce(source, request, parts, signal);
    return await uploadOpened(source, request, parts, signal);
  } finally {
    await source.close();
  }
}

/** Sends what only this process can send: when it ends early, nobody can go on with it. As `upload`. */
export function uploadOnce(
  source: Source,
  request: UploadRequest,
  parts: UploadParts,
  signal: AbortSignal,
): Promise<Receipt> {
  const { name, metadataText, client, ...connection } = request;
  const { size, modified, canSeek } = source;
  const task = { name, metadataText, size, modified, canSeek, client, resume: false };
  const identity = Buffer.from(newIdentity(), "hex");
  return upload({ ...connection, task, source, identity, isResumable: false }, parts, signal);
}

/** As `uploadFile`, for a source that is open and known by its version; the caller closes it. */
export async function uploadOpened(
  source: VersionedSource,
  request: FileUploadRequest,
  parts: FileUploadParts,
  signal: AbortSignal,
): Promise<Receipt> {
  const { state, resume, isSaved, release } = await begin(request, source, parts);
  // With nothing sent there is nothing to go on with.
  let isUnderWay = resume;
  const save = (it: UnfinishedUpload): Promise<void> => parts.store.save(it);
  const record = new SentRecord(state, { clock: parts.clock, save });
  const onProgress: UploadParts["onProgress"] = (progress) => {
    isUnderWay ||= progress.sent > 0;
    if (isSaved) record.note(progress.taken);
    parts.onProgress(progress);
  };
  try {
    const { name, metadataText, client, ...connection } = request;
    const { size, modified } = source;
    const { replaces = [] } = state;
    const task = { name, metadataText, size, modified, canSeek: true, client, resume, replaces };
    const identity = Buffer.from(state.identity, "hex");
    const options = { ...connection, task, source, identity, isResumable: isSaved };
    const receipt = await upload(options, { ...parts, onProgress }, signal);
    await record.settle(false);
    // It is stored, whatever becomes of the note about it; what stays of that is answered as finished.
    if (isSaved) await forgetState(state, parts);
    return receipt;
  } catch (error) {
    if (!isSaved) throw error;
    const isKept = isUnderWay && canGoOn(error);
    await record.settle(isKept);
    if (isKept) throw withWayOn(error, state);
    await forgetState(state, parts);
    throw error;
  } finally {
    release();
  }
}

interface Begun {
  readonly state: UnfinishedUpload;
  /** Whether an earlier process began it. */
  readonly resume: boolean;
  /** Whether a later process can go on with it. */
  readonly isSaved: boolean;
  release(): void;
}

// A home folder that is full or read-only, as where an instrument has filled its disk, is no reason not to send: then least of all.
async function begin(
  request: FileUploadRequest,
  source: VersionedSource,
  parts: FileUploadParts,
): Promise<Begun> {
  try {
    const { state, resume, note } = await stateFor(request, source, parts);
    // Before the lock, which is a file as well: that one alone would be a leftover that nobody clears away.
    if (!resume) await parts.store.save(state);
    const lock = await parts.store.lock(state.identity);
    if (lock === null) throw isBeingSent(request.path);
    if (note !== null) parts.onNote(note);
    return { state, resume, isSaved: true, release: () => lock.release() };
  } catch (error) {
    if (error instanceof BeingSent) throw error;
    const hint =
      "the file is sent all the same; if that is interrupted, it has to be sent from its beginning";
    parts.onWarning(messageOf(error), hint);
    return { state: newState(request, source, parts), resume: false, isSaved: false, release: () => {} };
  }
}

/** Another process is at it. */
export class BeingSent extends DyncError {}

function isBeingSent(path: string): BeingSent {
  const hint = "wait for it, or stop it and give this command again";
  return new BeingSent("failed", `Another dync process is sending "${path}" already`, { hint });
}

// What became of the upload counts, not what becomes of the note about it.
async function forgetState(state: UnfinishedUpload, parts: FileUploadParts): Promise<void> {
  await parts.store.remove(state.identity).catch((error) => {
    parts.onNote(`The state of the upload of "${state.name}" could not be removed: ${messageOf(error)}`);
  });
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
    // Such as a network drive that is away for a moment: what the server has of the file stays of use.
    code === "source" ||
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
): Promise<{ readonly state: UnfinishedUpload; readonly resume: boolean; readonly note: string | null }> {
  const { name, metadataText } = request;
  const known = await parts.store.find(targetOf(request));
  const { version } = source;
  if (known === null) return { state: newState(request, source, parts), resume: false, note: null };
  const isSameFile = isSameVersion(known.version, version);
  if (isSameFile && sameMetadata(known.metadataText, metadataText)) {
    const note = `Going on with the upload of "${name}" that was begun at ${localTime(known.startedAt)}`;
    return { state: known, resume: true, note };
  }
  const what = isSameFile ? "The metadata is not the same as" : "The file is not the same as";
  const note = `${what} when its upload was begun at ${localTime(known.startedAt)}: starting anew`;
  await forget(known, parts.store);
  // The server may hold the name for the old one, and may not have noticed that its client is gone.
  const replaces = [known.identity, ...(known.replaces ?? [])].slice(0, limits.replacesMax);
  return { state: { ...newState(request, source, parts), replaces }, resume: false, note };
}

function targetOf({ host, port, name, path }: FileUploadRequest): UploadTarget {
  return { host, port, name, path: resolve(path) };
}

function newState(
  request: FileUploadRequest,
  { version }: VersionedSource,
  { clock }: FileUploadParts,
): UnfinishedUpload {
  const { serverKeyFile, metadataText } = request;
  const startedAt = clock.date().toISOString();
  const identity = newIdentity();
  return { schema: 2, identity, ...targetOf(request), serverKeyFile, version, metadataText, startedAt };
}

async function forget(known: UnfinishedUpload, store: UploadMemory): Promise<void> {
  const lock = await store.lock(known.identity);
  if (lock === null) throw isBeingSent(known.path);
  await store.remove(known.identity);
  lock.release();
}

/** A socket identity: 16 random bytes as hex. ZeroMQ keeps those that start with a zero byte for itself. */
export function newIdentity(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] as number) | 0x80;
  return bytes.toString("hex");
}
