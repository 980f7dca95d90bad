// Decides about a new upload: metadata, name, room. Everything that can refuse an upload before its first byte
// is here, in one order, so that the client hears the reason it can act on first.

import type { Hold, NewUpload } from "../catalogue/catalogue.ts";
import type { ToldUpload } from "../hooks/told.ts";
import { fingerprintOf } from "../keys/key.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { type Judgement, judge, type Post } from "../rules/judge.ts";
import type { Prospect, Sink, SinkEvents } from "../storage/storage.ts";
import type { WithAdditions } from "../upload/added.ts";
import { type Destination, destinationOf, pathOf } from "../upload/destination.ts";
import type { Form, UploadKey } from "../upload/upload.ts";
import type { AdmissionWait } from "./admission-wait.ts";
import type { BeforeHooks, Heard } from "./before-hooks.ts";
import { checkFree, type MakeWay, placed, roundsMax, wanted } from "./placing.ts";
import { Refused } from "./refusal.ts";
import type { Room } from "./room.ts";
import { addWithinBounds, type UnfinishedParts } from "./unfinished.ts";

/** What was looked at less long ago is believed. */
const lookMs = 1000;

export interface AdmissionRequest extends UploadKey {
  /** Public key text of the key that began it. */
  readonly origin: string;
  readonly post: Post;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface AdmissionParts extends UnfinishedParts {
  readonly room: Room;
  /** Who is asked before an upload begins; nobody unless given. */
  readonly beforeHooks?: BeforeHooks | undefined;
}

/** What is told of one that begins. */
export interface AdmissionEvents extends SinkEvents {
  /** Nobody waits for it any more. */
  readonly abandoned: AbortSignal;
  /** Hears while somebody is asked about it. */
  readonly asking: Pick<AdmissionWait, "during">;
}

/** An upload that was let in. */
export interface AdmittedUpload {
  readonly hold: Hold;
  readonly form: Form;
  readonly place: Destination | null;
  /** See `UploadRecord.held`. */
  readonly held: string | null;
  readonly sink: Sink;
  /** What is stored of its metadata, and which of it was not sent. */
  readonly metadata: WithAdditions;
}

/**
 * Refuses by throwing `DyncError`; otherwise the upload is in the catalogue, has its place there, and its sink is open.
 * `makeWay` ends or waits for those who hold the place, or throws why it cannot be had.
 */
export async function admit(
  request: AdmissionRequest,
  events: AdmissionEvents,
  makeWay: MakeWay,
  parts: AdmissionParts,
): Promise<AdmittedUpload> {
  const { user, id } = request;
  const askedAt = parts.clock.now();
  const beginning = { upload: id, at: parts.clock.date() };
  const judgeAs = (post: Post): Judgement => judge(user, post, parts.rulesOf(user), beginning);
  const judgement = judgeAs(request.post);
  if (judgement.type === "refused") throw new Refused(judgement.refusal);
  const { beforeHooks } = parts;
  // What is held is not taken yet.
  const hooks = judgement.held === null ? (beforeHooks?.hooksFor(user, judgement.rule) ?? []) : [];
  let heard: Heard = { judgement, added: [] };
  if (beforeHooks !== undefined && hooks.length > 0) {
    const asked = recordOf(request, heard, parts);
    // Nobody is asked about what cannot begin: its client hears of what is there.
    if (judgement.terms.existing === "refuse") await checkFree(asked, makeWay, parts);
    const judgeText = (metadataText: string): Judgement => judgeAs({ ...request.post, metadataText });
    const asking = beforeHooks.ask(hooks, toldOf(asked), judgement, judgeText, events.abandoned);
    heard = await events.asking.during("hook", asking);
  }
  const { rule, terms } = heard.judgement;
  return await placed(recordOf(request, heard, parts), terms.existing, makeWay, parts, (at, way) =>
    begin(at, { rule, askedAt }, events, way, parts),
  );
}

/** What hooks are told of `upload`, of which nothing has come. */
function toldOf({ id, user, origin, name, form, size, modified, client, createdAt }: NewUpload): ToldUpload {
  const key = origin === null ? null : fingerprintOf(origin);
  return { id, user, key, name, form, size, modified, client, startedAt: createdAt };
}

/** Begins it where it goes. Throws `NameTaken` where something lies there, or is held by somebody who does not make way. */
async function begin(
  upload: NewUpload,
  { rule, askedAt }: { readonly rule: string | null; readonly askedAt: number },
  events: SinkEvents,
  makeWay: MakeWay,
  parts: AdmissionParts,
): Promise<AdmittedUpload> {
  const { id, user, form, place, held } = upload;
  await parts.room.reserve(id, user, roomFor(upload.size, upload.metadataText));
  try {
    const hold = await record(upload, makeWay, parts);
    try {
      // Its place was free long ago, and this server may have been frozen since, while its client sent all of it to another one.
      if (parts.clock.now() - askedAt >= lookMs) await checkFree(upload, makeWay, parts);
      // Makes its folder: nobody who has the name of one of these may be on the way.
      if (held === null) await parts.storage.tryDestination(destinationOf(upload));
      const metadata = { metadataText: upload.metadataText, added: upload.added };
      const sink = await parts.storage.begin(id, form, events, prospectOf(upload));
      recordAdmission(upload, rule, parts);
      return { hold, form, place, held, metadata, sink };
    } catch (error) {
      await parts.catalogue.withdraw(hold);
      throw error;
    }
  } catch (error) {
    parts.room.release(id);
    throw error;
  }
}

/** What the storage is told of where it goes: what is held may go elsewhere. */
export function prospectOf(upload: Pick<NewUpload, "user" | "name" | "place" | "held" | "size">): Prospect {
  const { place, held, size } = upload;
  return {
    root: place?.manner?.untar,
    destination: held === null ? destinationOf(upload) : undefined,
    size: size ?? undefined,
  };
}

function recordAdmission(upload: NewUpload, rule: string | null, { audit }: AdmissionParts): void {
  const { id, user, origin, name, form, size, client, held } = upload;
  // What is held has no place that anybody could look at.
  const where = held === null ? { path: pathOf(destinationOf(upload)) } : { held };
  audit?.record({
    ...{ event: "admitted", upload: id, user, key: origin === null ? null : fingerprintOf(origin), name },
    ...{ ...where, size, client, rule },
    ...(form === "file" ? {} : { dataset: form }),
  });
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
  { judgement, added }: Heard,
  { storage, rulesOf }: AdmissionParts,
): NewUpload {
  const { id, identity, user, origin, createdAt } = request;
  const { post, place, terms, held } = judgement;
  const layout = terms.layout === "openbis" ? "plain" : (terms.layout ?? rulesOf(user).datasets);
  return {
    ...{ id, identity, user, origin, createdAt, place },
    held: held?.text ?? null,
    name: storedName(post),
    form: post.info.unpack === undefined && place?.manner?.untar === undefined ? "file" : layout,
    metadataText: post.metadataText,
    added: added.length === 0 ? null : JSON.stringify(added),
    size: post.info.size ?? null,
    modified: post.info.modified ?? null,
    client: post.info.client ?? null,
    wantsReceipt: post.info.receipt === true,
    mark: storage.emptyNote.mark,
  };
}
