// Decides about a new upload: metadata, name, room. Everything that can refuse an upload before its first byte
// is here, in one order, so that the client hears the reason it can act on first.

import type { Hold, NewUpload } from "../catalogue/catalogue.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { judge, type Post } from "../rules/judge.ts";
import type { Sink, SinkEvents } from "../storage/storage.ts";
import { type Destination, destinationOf } from "../upload/destination.ts";
import type { Form, UploadKey } from "../upload/upload.ts";
import { checkFree, type MakeWay, placed, roundsMax, wanted } from "./placing.ts";
import { Refused } from "./refusal.ts";
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

/** An upload that was let in. */
export interface AdmittedUpload {
  readonly hold: Hold;
  readonly form: Form;
  readonly place: Destination | null;
  readonly sink: Sink;
}

/**
 * Refuses by throwing `DyncError`; otherwise the upload is in the catalogue, has its place there, and its sink is open.
 * `makeWay` ends or waits for those who hold the place, or throws why it cannot be had.
 */
export async function admit(
  request: AdmissionRequest,
  events: SinkEvents,
  makeWay: MakeWay,
  parts: AdmissionParts,
): Promise<AdmittedUpload> {
  const { user, id } = request;
  const beginning = { upload: id, at: parts.clock.date() };
  const judgement = judge(user, request.post, parts.rulesOf(user), beginning);
  if (judgement.type === "refused") throw new Refused(judgement.refusal);
  const { post, terms } = judgement;
  const layout = terms.layout ?? parts.rulesOf(user).datasets;
  const form: Form = post.info.unpack === undefined ? "file" : layout;
  const upload = recordOf({ ...request, post }, form, judgement.place, parts.storage.emptyNote.mark);
  const { existing } = terms;
  return await placed(upload, existing, makeWay, parts, (at, way) => begin(at, events, way, parts));
}

/** Begins it where it goes. Throws `NameTaken` where something lies there, or is held by somebody who does not make way. */
async function begin(
  upload: NewUpload,
  events: SinkEvents,
  makeWay: MakeWay,
  parts: AdmissionParts,
): Promise<AdmittedUpload> {
  const { id, user, form, place } = upload;
  await parts.room.reserve(id, user, roomFor(upload.size, upload.metadataText));
  try {
    const hold = await record(upload, makeWay, parts);
    try {
      // Makes its folder: nobody who has the name of one of these may be on the way.
      await parts.storage.tryDestination(destinationOf(upload));
      return { hold, form, place, sink: await parts.storage.begin(id, form, events) };
    } catch (error) {
      await parts.catalogue.withdraw(hold);
      throw error;
    }
  } catch (error) {
    parts.room.release(id);
    throw error;
  }
}

async function record(upload: NewUpload, makeWay: MakeWay, parts: AdmissionParts): Promise<Hold> {
  for (let round = 0; round < roundsMax; round++) {
    const added = await addWithinBounds(upload, parts);
    if (added.type === "admitted") return added.hold;
    await makeWay(added.holders);
    // Who held the name may be a file by now.
    await checkFree(upload, makeWay, parts);
  }
  throw wanted();
}

/**
 * Bytes that an upload of which `bytes` are still to come takes, or `null`: with its metadata, which lie in the catalogue
 * and then beside the file.
 */
export function roomFor(bytes: number | null, metadataText: string): number | null {
  return bytes === null ? null : bytes + 2 * Buffer.byteLength(metadataText);
}

function recordOf(
  request: AdmissionRequest,
  form: Form,
  place: Destination | null,
  mark: string | null,
): NewUpload {
  return {
    id: request.id,
    identity: request.identity,
    user: request.user,
    origin: request.origin,
    name: storedName(request.post),
    place,
    form,
    metadataText: request.post.metadataText,
    size: request.post.info.size ?? null,
    modified: request.post.info.modified ?? null,
    client: request.post.info.client ?? null,
    createdAt: request.createdAt,
    mark,
  };
}
