// Sends what a job names so that it survives this process, where that is possible: what is needed to go on is saved before
// the first message, and the same command, or a later one, goes on where the server stopped. Used by `client.ts`.

import { DyncError, messageOf } from "../base/error.ts";
import { furtherOf } from "../base/server-place.ts";
import { limits } from "../protocol/limits.ts";
import type { Priority } from "../protocol/priority.ts";
import type { ConnectionParty } from "./failure.ts";
import { newIdentity } from "./identity.ts";
import type { BatchPlace, Job } from "./job.ts";
import { markedOrigin, sizeOf } from "./origin.ts";
import type { Retry } from "./patience.ts";
import { type Beginning, BeingSent, beginningOf, isOfUseAfter, UploadKept } from "./resumption.ts";
import { SentRecord } from "./sent-record.ts";
import { CannotGoOn, type Source } from "./source.ts";
import { type Receipt, type UploadParts, type UploadProgress, upload } from "./upload.ts";
import type { UnfinishedUpload, UploadStore } from "./upload-store.ts";

// What is sent again of a file of which nothing is remembered: no more than a chunk, of which a server has all or nothing.
const smallBytesMax = limits.chunkBytesDefault;

/** A job with all that it takes. */
export interface UploadRequest extends Job, ConnectionParty, Retry {
  /** What the job's origin names; the caller closes it. */
  readonly source: Source;
  /** Name and version of this program. */
  readonly client: string;
  /** Whether the server is asked for a receipt. */
  readonly wantsReceipt?: boolean;
  /** How urgent it is; what is usual when absent. */
  readonly priority?: Priority | undefined;
}

export interface FileUploadParts extends UploadParts {
  readonly store: Pick<UploadStore, "find" | "save" | "remove" | "lock" | "folderOf">;
  /** Warns the user; the hint says what follows from it. */
  readonly onWarning: (text: string, hint: string) => void;
}

/**
 * Sends the source, or what is missing of it. As `upload`; also rejects with `BeingSent`, and with `UploadKept` where a
 * later process can go on with it.
 */
export async function uploadSource(
  request: UploadRequest,
  parts: FileUploadParts,
  signal: AbortSignal,
): Promise<Receipt> {
  const begun = await begin(request, parts);
  const { identity, replaces = [] } = begun?.state ?? request.place ?? { identity: newIdentity() };
  const { name, metadataText, client, source } = request;
  const { unpack, priority, wantsReceipt = false } = request;
  const wanted = {
    wantsReceipt,
    ...(unpack === undefined ? {} : { unpack }),
    ...(priority === undefined ? {} : { priority }),
  };
  const { size, modified, canSeek } = source;
  const resume = begun?.resume ?? false;
  const task = { name, metadataText, size, modified, canSeek, client, resume, replaces, ...wanted };
  const isResumable = begun !== null;
  const options = { ...request, task, identity: Buffer.from(identity, "hex"), isResumable };
  const send = async (onProgress: UploadParts["onProgress"]): Promise<Receipt> => {
    try {
      const receipt = await upload(options, { ...parts, onProgress }, signal);
      await source.growth?.confirmed();
      return receipt;
    } finally {
      // What it wrote down goes with the state, which Windows does not allow while it is open.
      if (source.growth !== undefined) await source.close();
    }
  };
  return begun === null ? await send(parts.onProgress) : await rememberWhile(begun, parts, send);
}

/** An upload that is remembered, and is this process's alone. */
interface Begun extends Beginning {
  release(): void;
}

/** Keeps in mind how far `send` gets, and in the end whether there is something to go on with. */
async function rememberWhile(
  { state, resume, release }: Begun,
  { clock, store, onProgress, onNote }: FileUploadParts,
  send: (onProgress: UploadParts["onProgress"]) => Promise<Receipt>,
): Promise<Receipt> {
  // With nothing sent there is nothing to go on with.
  let isUnderWay = resume;
  const record = new SentRecord(state, store, clock);
  const noteProgress = (progress: UploadProgress): void => {
    isUnderWay ||= progress.sent > 0;
    record.note(progress.taken);
    onProgress(progress);
  };
  // What became of the upload counts, not what becomes of the note about it: what stays of that is answered as finished.
  const forgetIt = (): Promise<void> =>
    store.remove(state.identity).catch((error) => {
      onNote(`The state of the upload of "${state.name}" could not be removed: ${messageOf(error)}`);
    });
  try {
    const receipt = await send(noteProgress);
    await record.settle(false);
    await forgetIt();
    return receipt;
  } catch (error) {
    const isKept = isUnderWay && isOfUseAfter(error);
    await record.settle(isKept);
    if (!isKept) await forgetIt();
    throw isKept && error instanceof DyncError ? new UploadKept(error, state.identity) : error;
  } finally {
    release();
  }
}

/** Remembers the upload, and has a source that grows begin by what is remembered of it; as `remember`. */
async function begin(
  request: UploadRequest,
  parts: FileUploadParts,
  replaced: readonly string[] = [],
): Promise<Begun | null> {
  const begun = await remember(request, parts, replaced);
  const { growth } = request.source;
  if (growth === undefined) return begun;
  if (begun === null)
    throw new DyncError(
      "configuration",
      `Nothing can be written down of "${request.name}", which is sent as it grows`,
      {
        hint: "make DYNC_HOME writable, or make room there; or send it when it is complete",
      },
    );
  const { state, release } = begun;
  try {
    await growth.begin(parts.store.folderOf(state.identity));
    return begun;
  } catch (error) {
    if (!(error instanceof CannotGoOn)) {
      release();
      throw error;
    }
    parts.onNote(`${error.message}: the upload of "${state.name}" is begun anew`);
    await parts.store.remove(state.identity);
    release();
    return await begin(request, parts, [state.identity, ...replaced]);
  }
}

/**
 * Remembers the upload. `null`: nobody can go on with it after this process; what takes up its batch begins it anew, which
 * costs a small file no more than remembering each of thousands.
 */
async function remember(
  request: UploadRequest,
  { clock, store, onNote, onWarning }: FileUploadParts,
  replaced: readonly string[],
): Promise<Begun | null> {
  const { host, port, name, serverKeyFile, metadataText, unpack, place } = request;
  const origin = markedOrigin(request.origin, request.source.mark);
  if (origin === null) return null;
  const target = { host, port, name, origin };
  const identity = (replaced.length === 0 ? place?.identity : undefined) ?? newIdentity();
  const startedAt = clock.date().toISOString();
  const server = { ...furtherOf(request), serverKeyFile };
  const known = { schema: 3, identity, ...target, ...server, metadataText, startedAt } as const;
  const wanted = {
    ...known,
    ...(unpack === undefined ? {} : { unpack }),
    ...(place === undefined ? {} : memberOf(place)),
    ...(replaced.length === 0 ? {} : { replaces: replaced.slice(0, limits.replacesMax) }),
  };
  try {
    const earlier = await store.find(target);
    if (
      earlier === null &&
      place !== undefined &&
      (sizeOf(origin) ?? Number.POSITIVE_INFINITY) <= smallBytesMax
    )
      return null;
    const beginning = beginningOf(wanted, earlier);
    const { state, resume, outdated, note } = beginning;
    if (outdated !== undefined) await forget(outdated, store);
    // Before the lock, which is a file as well: that one alone would be a leftover that nobody clears away.
    if (!resume) await store.save(state);
    const lock = await store.lock(state.identity);
    if (lock === null) throw new BeingSent(origin.path);
    if (note !== undefined) onNote(note);
    return { ...beginning, release: () => lock.release() };
  } catch (error) {
    if (error instanceof BeingSent) throw error;
    // A home folder that is full or read-only, as where an instrument has filled its disk, is no reason not to send: then least of all.
    const hint =
      "the file is sent all the same; if that is interrupted, it has to be sent from its beginning";
    onWarning(messageOf(error), hint);
    return null;
  }
}

/** What the state of an upload tells of its batch. */
function memberOf({ batch, number, replaces }: BatchPlace): Pick<UnfinishedUpload, "batch" | "replaces"> {
  return {
    ...(batch === null ? {} : { batch: { id: batch, number } }),
    ...(replaces.length === 0 ? {} : { replaces: [...replaces] }),
  };
}

async function forget(outdated: UnfinishedUpload, store: FileUploadParts["store"]): Promise<void> {
  const lock = await store.lock(outdated.identity);
  if (lock === null) throw new BeingSent(outdated.origin.path);
  await store.remove(outdated.identity);
  lock.release();
}
