// Decides about a new upload: metadata, name, room. Everything that can refuse an upload before its first byte
// is here, in one order, so that the client hears the reason it can act on first.

import { DyncError, errorMeanings, messageOf } from "../base/error.ts";
import type { NewUpload } from "../catalogue/catalogue.ts";
import type { PostFile } from "../protocol/message.ts";
import { metadataFault } from "../protocol/metadata.ts";
import { checkName } from "../storage/destination.ts";
import type { Partial } from "../storage/storage.ts";
import type { Room } from "./room.ts";
import { addWithinBounds, type UnfinishedParts } from "./unfinished.ts";

export interface AdmissionRequest {
  readonly id: string;
  readonly identity: string;
  readonly user: string;
  /** Public key text of the key that began it. */
  readonly origin: string;
  readonly post: PostFile;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface AdmissionParts extends UnfinishedParts {
  readonly room: Room;
}

/** Refuses by throwing `DyncError`; otherwise the upload is in the catalogue and its partial is open. */
export async function admit(request: AdmissionRequest, parts: AdmissionParts): Promise<Partial> {
  const { post, user, id } = request;
  const fault = metadataFault(post.metadataText);
  if (fault !== null) throw new DyncError("metadata-rejected", fault.text);
  const name = checkName(post.name);
  if (!name.ok) throw new DyncError("forbidden", name.text);
  if (await parts.storage.exists({ user, name: post.name })) {
    throw new DyncError("name-taken", `There is a file ${JSON.stringify(post.name)} on the server already`);
  }
  await parts.room.reserve(id, post.info.size ?? null);
  try {
    const partial = await parts.storage.create(id);
    try {
      await addWithinBounds(recordOf(request, parts.bootId), parts);
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
    createdAt: request.createdAt,
    bootId,
  };
}

/** The number and text that tell a client why: what it can act on, and nothing about the server's insides. */
export function refusalOf(error: unknown): { code: number; text: string } {
  if (error instanceof DyncError && error.meaning.wire !== null) {
    return { code: error.meaning.wire, text: messageOf(error) };
  }
  return { code: errorMeanings.internal.wire, text: "Internal error on the server; its log has the details" };
}
