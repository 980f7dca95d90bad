// What the object store says when it does not do as it was asked, whether that passes by itself, and what it means for an upload.

import { DyncError, messageOf, systemCode } from "../../../base/error.ts";

/** The store answered, and not with what was asked for. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  /** HTTP status; 200 where a store found out after it had sent that. */
  readonly status: number;
  /** S3's own word, as `NoSuchBucket`; where there is none, "HTTP STATUS". */
  readonly code: string;
  /** What a store says of itself: the region in which a bucket lies, its own time. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text === "" ? code : `${code}: ${text}`);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** No answer, or none that is whole. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Nothing was asked: TLS does not take its certificate. */
export class Untrusted extends NoAnswer {
  /** What a steward does about it. */
  readonly hint: string;

  constructor(fault: string, hint: string, cause: unknown) {
    super(`its certificate is not trusted (${fault})`, { cause });
    this.hint = hint;
  }
}

const knowIt = "give s3-ca a file (PEM) with the certificate that it follows from";
const renewIt = "have it renewed, or set the clock of this machine";
/** By what the runtime calls what is wrong with a certificate. */
const certificateHints: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: knowIt,
  SELF_SIGNED_CERT_IN_CHAIN: knowIt,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: knowIt,
  UNABLE_TO_GET_ISSUER_CERT: knowIt,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: knowIt,
  CERT_HAS_EXPIRED: renewIt,
  CERT_NOT_YET_VALID: renewIt,
  ERR_TLS_CERT_ALTNAME_INVALID: "have s3-endpoint name the host that it is for",
};

/** What `error`, which a request met, is for who asked. */
export function noAnswerOf(error: unknown): NoAnswer {
  const hint = certificateHints[systemCode(error) ?? ""];
  if (hint !== undefined) return new Untrusted(messageOf(error), hint, error);
  return new NoAnswer(`no answer (${messageOf(error)})`, { cause: error });
}

/** What arrived there is not what was sent, as its answer shows. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

const passing = new Set([
  "InternalError",
  "SlowDown",
  "ServiceUnavailable",
  "RequestTimeout",
  "OperationAborted",
  "ConditionalRequestConflict",
  "Throttling",
  "TooManyRequests",
  "BadDigest",
  "XAmzContentSHA256Mismatch",
  "IncompleteBody",
]);

const notImplemented = 501;

/** Whether the same request may succeed later without anybody changing anything. */
export function isPassing(error: unknown): boolean {
  if (error instanceof NoAnswer || error instanceof WrongAnswer) return true;
  if (!(error instanceof S3Error)) return false;
  const isTrouble = error.status >= 500 && error.status !== notImplemented;
  return passing.has(error.code) || isTrouble || error.status === 429;
}

/** What is wrong with the bucket, or with who asks: a steward mends it. */
const known: Readonly<Record<string, readonly [text: string, hint: string]>> = {
  NoSuchBucket: ["there is no such bucket", "make the bucket, or correct storage in server.toml"],
  InvalidAccessKeyId: ["it does not know the access key", "correct the credentials of dync-server"],
  SignatureDoesNotMatch: [
    "the secret key is not the one of the access key",
    "correct the credentials of dync-server; where they are right, s3-region is not the store's",
  ],
  ExpiredToken: ["the credentials have expired", "give dync-server new ones and start it again"],
  InvalidToken: ["the session token is not good", "give dync-server new credentials and start it again"],
  AccessDenied: [
    "it does not allow that",
    "give the keys of dync-server the right to read, write, list and delete below the prefix",
  ],
  RequestTimeTooSkewed: ["its clock and this machine's differ too much", "set the clock of this machine"],
  QuotaExceeded: ["the quota is used up", "raise the quota of the bucket or of its user"],
  PermanentRedirect: ["the bucket lies in another region", "correct s3-region or s3-endpoint"],
  AuthorizationHeaderMalformed: ["the region is another one", "correct s3-region"],
  InvalidPart: ["a part is not the one that was stored", "look at the store: it changed or lost what it had"],
  InvalidObjectState: ["the object is archived", "bring it back before it is read"],
};

const full = new Set(["QuotaExceeded", "EntityTooLarge", "InsufficientStorage", "XMinioStorageFull"]);

/**
 * The error of the storage contract behind what the store said. `action` completes "The file could not be … in the object store". Texts may go
 * to a client, so they name neither the store nor a key; the cause goes along for the log. A `DyncError` passes through as it is.
 */
export function s3Trouble(action: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  const could = `The file could not be ${action} in the object store`;
  if (!(cause instanceof S3Error))
    return isPassing(cause)
      ? new DyncError("not-ready", `${could}: ${passingText(cause)}`, { cause })
      : new DyncError("internal", could, { cause });
  // Whoever has the upload by now made an object of it, or gave it up; else it is found out when it is looked for.
  if (cause.code === "NoSuchUpload")
    return new DyncError("not-ready", `${could}: what was stored of it is not there any more`, { cause });
  const isFull = full.has(cause.code);
  if (!isFull && isPassing(cause)) return new DyncError("not-ready", `${could} (${cause.code})`, { cause });
  const [text, hint] = known[cause.code] ?? [isFull ? "it has no room for it" : "it refuses that", undefined];
  const message = `${could}: ${text} (${cause.code}); its administrator has to mend that`;
  return new DyncError(isFull ? "no-space" : "internal", message, { cause, hint });
}

function passingText(cause: unknown): string {
  if (cause instanceof Untrusted) return cause.message;
  return cause instanceof NoAnswer ? "it does not answer" : "its answers are wrong";
}

/** What `work` resolves to; what it rejects with is `s3Trouble`. */
export async function explained<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw s3Trouble(action, error);
  }
}

/** The same at the start, where a steward reads it. `place` is what `storage` says. */
export function startTrouble(place: string, cause: unknown, now: Date): DyncError {
  if (cause instanceof DyncError) return cause;
  const cannot = `The object store ${place} cannot be used`;
  if (cause instanceof Untrusted)
    return new DyncError("configuration", `${cannot}: ${cause.message}`, { cause, hint: cause.hint });
  if (isPassing(cause) || !(cause instanceof S3Error))
    return new DyncError("unavailable", `The object store ${place} does not answer: ${messageOf(cause)}`, {
      cause,
      hint: "look at s3-endpoint, and whether the store is up",
    });
  const [text, hint] = known[cause.code] ?? [cause.message, undefined];
  return new DyncError("configuration", `${cannot}: ${text}${facts(cause, now)}`, { cause, hint });
}

function facts({ code, status, headers }: S3Error, now: Date): string {
  const there = Date.parse(headers.date ?? "");
  const seconds = Math.round((now.getTime() - there) / 1000);
  if (code === "RequestTimeTooSkewed" && Number.isFinite(seconds))
    return ` (it is ${Math.abs(seconds)} seconds ${seconds < 0 ? "ahead" : "behind"} of this machine's)`;
  const region = headers["x-amz-bucket-region"];
  return region === undefined ? ` (${code}, ${status})` : ` (${code}; it is ${region})`;
}
