// Decides about a new upload: metadata, name, room. Everything that can refuse an upload before its first byte
// is here, in one order, so that the client hears the reason it can act on first.

import { DyncError, errorCodeFromWire, errorMeanings, messageOf } from "../base/error.ts";
import type { LogFields } from "../base/log.ts";
import type { NewUpload } from "../catalogue/catalogue.ts";
import { judge, type Post } from "../config/judge.ts";
import { sameMetadata } from "../protocol/metadata.ts";
import type { Refusal } from "../protocol/upload-life.ts";
import { NameTaken, type Partial } from "../storage/storage.ts";
import { takenText } from "../upload/names.ts";
import type { UploadKey } from "../upload/upload.ts";
import type { Room } from "./room.ts";
import { addWithinBounds, type UnfinishedParts } from "./unfinished.ts";

export interface AdmissionRequest extends UploadKey {
  /** Public key text of the key that began it. */
  readonly origin: string;
  readonly post: Post;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface AdmissionParts extends UnfinishedParts {
  readonly room: Room;
}

/**
 * Refuses by throwing `DyncError`; otherwise the upload is in the catalogue and its partial is open. `claim` gets its name:
 * an upload that will be refused must not replace an older one.
 */
export async function admit(
  request: AdmissionRequest,
  claim: () => Promise<void>,
  parts: AdmissionParts,
): Promise<Partial> {
  const { user, id } = request;
  const judgement = judge(request.post, parts.rulesOf(user));
  if (judgement.type === "refused") throw new Refused(judgement.refusal);
  const { post } = judgement;
  await claim();
  const destination = { user, name: post.name };
  const obstacle = await parts.storage.obstacle(destination);
  if (obstacle !== null) throw new NameTaken(takenText(post.name, obstacle.file), obstacle);
  await parts.storage.tryDestination(destination);
  await parts.room.reserve(id, user, roomFor(post.info.size ?? null, post.metadataText));
  try {
    const partial = await parts.storage.create(id);
    try {
      await addWithinBounds(recordOf({ ...request, post }, parts.bootId), parts);
    } catch (error) {
      await partial.discard();
      throw error;
    }
    return partial;
  } catch (error) {
    parts.room.release(id);
    throw error;
  }
}

/**
 * Bytes that an upload of which `bytes` are still to come takes, or `null`: with its metadata, which lie in the catalogue
 * and then beside the file.
 */
export function roomFor(bytes: number | null, metadataText: string): number | null {
  return bytes === null ? null : bytes + 2 * Buffer.byteLength(metadataText);
}

function recordOf(request: AdmissionRequest, bootId: string | null): NewUpload {
  return {
    id: request.id,
    identity: request.identity,
    user: request.user,
    origin: request.origin,
    name: request.post.name,
    metadataText: request.post.metadataText,
    size: request.post.info.size ?? null,
    modified: request.post.info.modified ?? null,
    client: request.post.info.client ?? null,
    createdAt: request.createdAt,
    bootId,
  };
}

/** The rules do not let this upload in. */
class Refused extends DyncError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(errorCodeFromWire(refusal.code), refusal.text);
    this.refusal = refusal;
  }
}

/**
 * The number and text that tell a client why: what it can act on, and nothing about the server's insides. To the owner
 * of what is there, who posts `metadataText`, also what that is.
 */
export function refusalOf(error: unknown, metadataText: string | null = null): Refusal {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof DyncError && error.meaning.wire !== null) {
    const refusal = { code: error.meaning.wire, text: messageOf(error) };
    const published = error instanceof NameTaken ? error.obstacle.published : null;
    if (published === null || metadataText === null) return refusal;
    const { size, sha256, upload } = published;
    const metadata = sameMetadata(published.metadataText, metadataText) ? "same" : "different";
    return { ...refusal, info: { size, sha256, upload, metadata } };
  }
  return { code: errorMeanings.internal.wire, text: "Internal error on the server; its log has the details" };
}

/** The same for the log: with what the system said, paths included, and what the steward can do. */
export function troubleOf(error: unknown): LogFields {
  const reason = messageOf(error);
  if (!(error instanceof DyncError)) return { reason };
  const cause = error.cause === undefined ? {} : { cause: messageOf(error.cause) };
  return { reason, ...cause, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}
