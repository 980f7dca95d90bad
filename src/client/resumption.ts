// Whether a command goes on with an upload that an earlier process left or begins anew, and whether what was sent is kept
// when it fails. Pure: `file-upload.ts` does what is decided here.

import { DyncError, type ErrorCode } from "../base/error.ts";
import { sameJson } from "../base/json-text.ts";
import { localTime } from "../base/local-time.ts";
import { furtherOf } from "../base/server-place.ts";
import { limits } from "../protocol/limits.ts";
import type { Job } from "./job.ts";
import { isSameSource } from "./origin.ts";
import type { UnfinishedUpload } from "./upload-store.ts";

/** How a command begins. */
export interface Beginning {
  readonly state: UnfinishedUpload;
  /** Whether an earlier process began it. */
  readonly resume: boolean;
  /** The earlier upload with which nobody shall go on any more. */
  readonly outdated?: UnfinishedUpload;
  /** What the user is told of it. */
  readonly note?: string;
}

/** How `wanted`, which nobody has begun, is begun where `known` is remembered of an upload to the same target. */
export function beginningOf(wanted: UnfinishedUpload, known: UnfinishedUpload | null): Beginning {
  if (known === null) return { state: wanted, resume: false };
  const begunAt = localTime(known.startedAt);
  const isSame = isSameSource(known.origin, wanted.origin);
  const isSameForm = known.unpack === wanted.unpack;
  if (isSame && isSameForm && sameJson(known.metadataText, wanted.metadataText)) {
    const note = `Going on with the upload of "${wanted.name}" that was begun at ${begunAt}`;
    // A run may be followed in another way by now.
    const origin = known.origin.kind === "live" ? wanted.origin : known.origin;
    // What leads to the server is said anew as well.
    const { alsoAt: _, ...rest } = known;
    return { state: { ...rest, ...furtherOf(wanted), origin }, resume: true, note };
  }
  const what = !isSame
    ? `The ${wanted.origin.kind === "file" ? "file" : "folder"} is`
    : isSameForm
      ? "The metadata is"
      : "What is wanted of the server is";
  const note = `${what} not the same as when its upload was begun at ${begunAt}: starting anew`;
  // The server may hold the name for the old one, and may not have noticed that its client is gone.
  const replaces = [known.identity, ...(known.replaces ?? [])].slice(0, limits.replacesMax);
  return { state: { ...wanted, replaces }, resume: false, outdated: known, note };
}

const keptAfter: readonly ErrorCode[] = [
  "cancelled",
  "key-refused",
  // Of what was let in: its key was revoked meanwhile, and may be allowed again. The server keeps what it has.
  "forbidden",
  "wrong-server",
  "no-space",
  // Such as a network drive that is away for a moment: what the server has of the file stays of use.
  "source",
  // Such as a disk that fails there: the server keeps what it has.
  "internal",
];

/** Whether what was sent before `error` is of use for another try. */
export function isOfUseAfter(error: unknown): boolean {
  return !(error instanceof DyncError) || error.meaning.retry || keptAfter.includes(error.code);
}

const refusedCodes: readonly ErrorCode[] = [
  "forbidden",
  "too-large",
  "name-taken",
  "content-rejected",
  "metadata-rejected",
];

/** Whether the server refused it: somebody has to change what is there, or what it allows, before the same can be stored. */
export function isRefused(error: DyncError): boolean {
  return refusedCodes.includes(error.code);
}

const finalCodes: readonly ErrorCode[] = ["usage", "malformed"];

/**
 * Whether nothing is kept of `job` to try it again, or that would be of no use whatever happens elsewhere. What a server refused of a
 * batch is kept: who mends that there need not know what was sent.
 */
export function isFinal({ place, fault }: Job, error: DyncError): boolean {
  if (place === undefined) return !isOfUseAfter(error);
  // What was wrong with its name, or with a file beside it, went into the job; what could not be read may be there again.
  return finalCodes.includes(error.code) || (fault !== undefined && isRefused(error));
}

/** The upload failed as `cause` says, and what was sent of it is kept: a later command can go on with it. */
export class UploadKept extends DyncError {
  readonly identity: string;

  constructor(cause: DyncError, identity: string) {
    super(cause.code, cause.message, { cause, hint: cause.hint, faults: cause.faults });
    this.identity = identity;
  }

  override reworded(words: Parameters<DyncError["reworded"]>[0]): UploadKept {
    return new UploadKept(super.reworded(words), this.identity);
  }
}

/** Another process is sending it. */
export class BeingSent extends DyncError {
  constructor(path: string) {
    const hint = "wait for it, or stop it and give this command again";
    super("failed", `Another dync process is sending "${path}" already`, { hint });
  }
}
