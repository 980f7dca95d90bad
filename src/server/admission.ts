// Decides about a new upload: metadata, name, room. Everything that can refuse an upload before its first byte
// is here, in one order, so that the client hears the reason it can act on first.

import { DyncError } from "../base/error.ts";
import type { Hold, NewUpload, UploadRecord } from "../catalogue/catalogue.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { judge, type Post } from "../rules/judge.ts";
import { NameTaken, type Sink, type SinkEvents } from "../storage/storage.ts";
import { type Destination, destinationOf, type Placed } from "../upload/destination.ts";
import { takenText } from "../upload/names.ts";
import type { Form, UploadKey } from "../upload/upload.ts";
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
 * Refuses by throwing `DyncError`; otherwise the upload is in the catalogue, has its name there, and its sink is open.
 * `makeWay` ends or waits for those who hold the name, or throws why the name cannot be had.
 */
export async function admit(
  request: AdmissionRequest,
  events: SinkEvents,
  makeWay: MakeWay,
  parts: AdmissionParts,
): Promise<AdmittedUpload> {
  const { user, id } = request;
  const judgement = judge(user, request.post, parts.rulesOf(user));
  if (judgement.type === "refused") throw new Refused(judgement.refusal);
  const { post } = judgement;
  const placed: Placed = { user, name: storedName(post), place: null };
  const form: Form = post.info.unpack === undefined ? "file" : parts.rulesOf(user).datasets;
  await checkFree(placed, makeWay, parts);
  await parts.room.reserve(id, user, roomFor(post.info.size ?? null, post.metadataText));
  try {
    const { mark } = parts.storage.emptyNote;
    const hold = await record(recordOf({ ...request, post }, form, placed.place, mark), makeWay, parts);
    try {
      // Makes its folder: nobody who has the name of one of these may be on the way.
      await parts.storage.tryDestination(destinationOf(placed));
      return { hold, form, place: placed.place, sink: await parts.storage.begin(id, form, events) };
    } catch (error) {
      await parts.catalogue.withdraw(hold);
      throw error;
    }
  } catch (error) {
    parts.room.release(id);
    throw error;
  }
}

/** Resolves when `holders` do not hold the name any more, or others do; rejects with why it cannot be had. */
export type MakeWay = (holders: readonly UploadRecord[]) => Promise<void>;

/** Throws `NameTaken` with what lies where `upload` goes, or what `makeWay` does where it is not durable there yet. */
export async function checkFree(
  upload: Placed,
  makeWay: MakeWay,
  parts: Pick<AdmissionParts, "catalogue" | "storage">,
): Promise<void> {
  const destination = destinationOf(upload);
  for (let round = 0; round < roundsMax; round++) {
    const obstacle = await parts.storage.obstacle(destination);
    if (obstacle === null) return;
    const record = obstacle.published === null ? null : await parts.catalogue.get(obstacle.published.id);
    // It is seen under its name, and may not be durable there: until it is, nobody may hear that this file is stored.
    if (record?.state !== "publishing")
      throw new NameTaken(takenText(destination.name, obstacle.file), obstacle);
    await makeWay([record]);
  }
  throw wanted();
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

// Each round ends with what held the name; where others come as fast, somebody else is first.
const roundsMax = 10;

function wanted(): DyncError {
  return new DyncError("not-ready", "Too many uploads want this name just now");
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
