// What a server does about the uploads that an earlier process left: finishes those that were being published, and gives
// up those that cannot go on.

import { errorMeanings, messageOf } from "../base/error.ts";
import { jsonMembers } from "../base/json-text.ts";
import { holdOf, type Owner, type UploadRecord } from "../catalogue/catalogue.ts";
import type { Sink, Storage } from "../storage/storage.ts";
import { destinationOf } from "../upload/destination.ts";
import type { StoredUpload } from "./after-hooks.ts";
import { publishedFields } from "./publication.ts";
import { isFinal, publish } from "./publisher.ts";
import { type Fellows, heldElsewhere, takeOver } from "./take-over.ts";
import { change, type JournalParts, recordEnd, UploadJournal } from "./upload-journal.ts";

export interface RecoveryParts extends JournalParts {
  readonly storage: Storage;
  /** This server. */
  readonly owner: Owner;
  /** Those that share the catalogue; nobody unless given. */
  readonly fellows?: Fellows | undefined;
}

const beginAnew = errorMeanings["unknown-upload"].wire;

/** Code and text for an upload whose metadata is gone: without it nothing is published, and its client begins anew. */
export const metadataLost = [beginAnew, "The metadata of this upload was lost on the server"] as const;

/** The same, where nothing is stored of it any more. */
export const bytesGone = [beginAnew, "The stored bytes are gone"] as const;

/** The metadata text of an upload that has not ended, or `null` when the catalogue does not have it as an object. */
export async function metadataOf({ id }: UploadRecord, { catalogue }: RecoveryParts): Promise<string | null> {
  const text = (await catalogue.metadataOf(id)) ?? "";
  return jsonMembers(text) === null ? null : text;
}

/**
 * Ends what was interrupted while upload `id` was being published: publishes it again, or, when its bytes did not
 * survive, opens it again for its client. `isAwaited`: somebody here waits for that, and another server is to let go of it.
 */
export async function finishPublishing(id: string, parts: RecoveryParts, isAwaited = false): Promise<void> {
  const { catalogue, storage, owner } = parts;
  const taken = isAwaited ? await takeOver(id, false, parts) : await catalogue.take(id, owner);
  if (taken.type === "held" && isAwaited) throw heldElsewhere();
  // Another server does, or it ended meanwhile.
  if (taken.type !== "taken" || taken.record.state !== "publishing") return;
  const { record, hold } = taken;
  const { user, name, sha256 } = record;
  const journal = new UploadJournal(hold, null, { upload: id, user, name }, parts);
  const metadataText = await metadataOf(record, parts);
  const reopened = (durable: number, reason: string): Promise<void> => {
    journal.log("warn", `${reason}: the client has to send again`);
    return journal.reopened(durable);
  };
  const left = await storage.recover(id, record, destinationOf(record), sha256 ?? "");
  switch (left.type) {
    case "published":
      await journal.finished(await publishedOf(record, metadataText, storage), destinationOf(record));
      return logFinished(record, journal, storage);
    case "gone":
      // Of one that was in memory alone: under its id, so that what a server makes of it late which was frozen is its own, and in nobody's way.
      if (record.durable === 0 && (await storage.obstacle(destinationOf(record))) === null)
        return reopened(0, "Nothing of it was stored");
      // Its client hears that there is nothing of it here, and begins anew.
      await journal.failed(...bytesGone);
      return journal.log("error", "Upload is lost");
    case "incomplete":
      return reopened(left.durable, left.reason);
    case "complete":
      if (metadataText === null) return giveUpOpen(left.sink, journal, ...metadataLost);
      return publishAgain({ ...record, metadataText }, left.sink, journal, storage);
  }
}

/** `record` with what is known of it since it was published. */
async function publishedOf(
  record: UploadRecord,
  metadataText: string | null,
  storage: Storage,
): Promise<StoredUpload> {
  const there = (await storage.obstacle(destinationOf(record)))?.published;
  const known = {
    size: there?.size ?? record.size,
    sha256: record.sha256 ?? "",
    contents: there?.contents ?? null,
    metadataText: metadataText ?? there?.metadataText ?? "{}",
  };
  return { ...record, ...known, receivedAt: record.receivedAt ?? record.updatedAt };
}

/** For a program that reads the log it is a file like any other. */
function logFinished(record: UploadRecord, journal: UploadJournal, storage: Storage): void {
  journal.log("info", "Upload finished", {
    ...publishedFields(record, record.form, storage),
    recovered: true,
  });
}

async function publishAgain(
  record: UploadRecord & { readonly metadataText: string },
  sink: Sink,
  journal: UploadJournal,
  storage: Storage,
): Promise<void> {
  // An earlier version did not write down when all had come.
  const receivedAt = record.receivedAt ?? record.updatedAt;
  try {
    const contents = await sink.contents();
    const known = { size: sink.length, sha256: record.sha256 as string, contents, receivedAt };
    await publish({ ...record, ...known }, sink, journal);
  } catch (error) {
    const code = isFinal(error) ? error.meaning.wire : null;
    if (code !== null) return giveUpOpen(sink, journal, code, messageOf(error));
    // Only trying again could mend anything else.
    await journal.putAway(await sink.close());
    throw error;
  }
  logFinished({ ...record, size: sink.length }, journal, storage);
}

async function giveUpOpen(sink: Sink, journal: UploadJournal, code: number, reason: string): Promise<void> {
  await discardFailed(sink, journal, code, reason);
  journal.log("info", "Upload given up", { code, reason });
}

/** Records why an upload failed, and deletes its bytes, unless another server has taken it. */
export async function discardFailed(
  sink: Sink,
  journal: UploadJournal,
  code: number,
  reason: string,
): Promise<void> {
  // Where it cannot be recorded, its client hears 404 when it asks again: nothing is left of it either way.
  let isOurs = true;
  try {
    isOurs = await journal.failed(code, reason);
  } finally {
    await (isOurs ? sink.discard() : sink.close());
  }
}

/**
 * Gives an upload up that has no session: its bytes go, its record says why for as long as records are kept. Returns whether
 * it was as `record` says, and nobody had taken it meanwhile.
 */
export async function giveUp(
  record: UploadRecord,
  code: number,
  reason: string,
  parts: RecoveryParts,
): Promise<boolean> {
  const { id: upload, user, name } = record;
  if (!(await change(holdOf(record, parts.owner), { verb: "fail", errorCode: code, reason }, parts)))
    return false;
  recordEnd({ upload, user, name, code, reason }, parts);
  await discard(upload, parts);
  parts.logger.log("info", "Upload given up", { upload, user, name, code, reason });
  return true;
}

/** Deletes what is stored of upload `id`; returns whether that could be done. */
export async function discard(id: string, { storage, logger }: RecoveryParts): Promise<boolean> {
  try {
    await storage.discard(id);
    return true;
  } catch (error) {
    logger.log("warn", "Bytes were not deleted, which is tried again later", {
      upload: id,
      reason: messageOf(error),
    });
    return false;
  }
}
