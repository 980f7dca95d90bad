// What is said of an error: to a client, which can act on some of it, and to the log, which has to have all of it.

import { DyncError, errorCodeFromWire, errorMeanings, messageOf } from "../base/error.ts";
import { sameJson } from "../base/json-text.ts";
import type { LogFields } from "../base/log.ts";
import { limits } from "../protocol/limits.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { ErrorInfo } from "../protocol/wire/message.ts";
import { NameTaken, type Published } from "../storage/storage.ts";
import { sentMetadata } from "../upload/added.ts";

/** The rules do not let this upload in. */
export class Refused extends DyncError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(errorCodeFromWire(refusal.code), refusal.text);
    this.refusal = refusal;
  }
}

/** Who posts an upload, and what about it. */
export interface Poster {
  readonly user: string;
  /** As they were sent. */
  readonly metadataText: string;
  /** Gives receipts, where they are wanted. */
  readonly receiptOf?: ((published: Published) => string | null) | undefined;
}

/**
 * The number and text that tell a client why: what it can act on, and nothing about the server's insides. A `poster` who owns
 * what is there is also told what that is.
 */
export function refusalOf(error: unknown, poster: Poster | null = null): Refusal {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof DyncError && error.meaning.wire !== null) {
    const refusal = { code: error.meaning.wire, text: messageOf(error) };
    const published = error instanceof NameTaken ? error.obstacle.published : null;
    if (published === null || published.user !== poster?.user) return refusal;
    return { ...refusal, info: aboutPublished(published, poster) };
  }
  return { code: errorMeanings.internal.wire, text: "Internal error on the server; its log has the details" };
}

/** What the owner of `published` is told of it, who posts this. */
export function aboutPublished(published: Published, { metadataText, receiptOf }: Poster): ErrorInfo {
  const { id: upload, size, sha256, contents } = published;
  const files = contents === null ? {} : { files: contents.list };
  const metadata = sameJson(sentMetadata(published), metadataText) ? "same" : "different";
  const receipt = metadata === "same" ? receiptOf?.(published) : null;
  // One that is so long that a reader would pass over all of it says less than none.
  const isTold = receipt != null && receipt.length <= limits.receiptInfoBytesMax;
  return { size, sha256, upload, metadata, ...files, ...(isTold ? { receipt } : {}) };
}

/** The same for the log: with what the system said, paths included, and what the steward can do. */
export function troubleOf(error: unknown): LogFields {
  const reason = messageOf(error);
  if (!(error instanceof DyncError)) return { reason };
  const causes: string[] = [];
  for (let it = error.cause; it !== undefined; it = it instanceof Error ? it.cause : undefined)
    causes.push(messageOf(it));
  const cause = causes.length === 0 ? {} : { cause: causes.join(": ") };
  return { reason, ...cause, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}
