// What a server does about the uploads that an earlier process left: finishes those that were being published, says
// how much of the others can be trusted, and gives up those that cannot go on.

import type { Clock } from "../base/clock.ts";
import { DyncError, errorMeanings, messageOf } from "../base/error.ts";
import { readJson } from "../base/json-text.ts";
import type { Logger } from "../base/log.ts";
import { sha256Of } from "../base/sha256-of.ts";
import type { Catalogue, Hold, Owner, UploadChange, UploadRecord } from "../catalogue/catalogue.ts";
import type { Partial, Storage } from "../storage/storage.ts";
import { publicationOf } from "./publication.ts";

export interface RecoveryParts {
  readonly storage: Storage;
  readonly catalogue: Catalogue;
  /** This server. */
  readonly owner: Owner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bootId: string | null;
}

/**
 * How many of the `length` bytes on disk can be trusted. While the system has not restarted, everything that was
 * written is in its memory or on the disk, whatever became of our process; after a restart only what was synced is.
 */
export function trustedLength(record: UploadRecord, length: number, bootId: string | null): number {
  const sameBoot = bootId !== null && record.bootId === bootId;
  return sameBoot ? length : Math.min(length, record.durable);
}

/** Code and text for an upload whose metadata is gone: without it nothing is published, and its client begins anew. */
export const metadataLost = [404, "The metadata of this upload was lost on the server"] as const;

/** The metadata text of an upload that has not ended, or `null` when the catalogue does not have it as an object. */
export async function metadataOf({ id }: UploadRecord, { catalogue }: RecoveryParts): Promise<string | null> {
  const text = (await catalogue.metadataOf(id)) ?? "";
  const reading = readJson(text);
  return reading.type === "json" && reading.content.members !== null ? text : null;
}

/**
 * Ends what a crash interrupted while upload `id` was being published: publishes it again, or, when its bytes
 * did not survive, opens it again for its client.
 */
export async function finishPublishing(id: string, parts: RecoveryParts): Promise<void> {
  const { catalogue, storage, logger, owner } = parts;
  const taken = await catalogue.take(id, owner);
  // Another server does, or it ended meanwhile.
  if (taken.type !== "taken" || taken.record.state !== "publishing") return;
  const { record, hold } = taken;
  const partial = await storage.open(id);
  // What has its name was durable before it got it.
  const isShown = (await storage.publishedSha256(record)) === record.sha256;
  if (partial === null) {
    if (isShown) await change(hold, { verb: "finish" }, parts);
    // Its client hears that there is nothing of it here, and begins anew.
    else await change(hold, { verb: "fail", errorCode: 404, reason: bytesGone }, parts);
    logger.log(isShown ? "info" : "error", isShown ? "Upload was finished" : "Upload is lost", {
      upload: id,
    });
    return;
  }
  // Where a sync failed before, what can be read proves nothing.
  const isSuspect = parts.bootId !== null && record.bootId === null;
  const isTrusted = isShown || !isSuspect;
  if (isTrusted && record.sha256 !== null && (await sha256Of(partial)).toString("hex") === record.sha256) {
    const metadata = await metadataOf(record, parts);
    if (metadata !== null) return publishAgain(taken, partial, metadata, isShown, parts);
    await partial.close();
    return endWithoutMetadata(taken, isShown, parts);
  }
  const durable = Math.min(record.durable, partial.length);
  const what = isTrusted ? "Stored bytes differ from their checksum" : "Stored bytes were not made durable";
  logger.log("warn", `${what}: the client has to send again`, { upload: id });
  await partial.truncate(durable);
  await partial.close();
  await change(hold, { verb: "reopen", durable }, parts);
}

/** Told where nothing is stored of an upload any more: its client begins anew. */
export const bytesGone = "The stored bytes are gone";

interface TakenUpload {
  readonly record: UploadRecord;
  readonly hold: Hold;
}

async function publishAgain(
  { record, hold }: TakenUpload,
  partial: Partial,
  metadataText: string,
  isShown: boolean,
  parts: RecoveryParts,
): Promise<void> {
  const { id, user, name, receivedAt, updatedAt } = record;
  // An earlier version did not write down when all had come.
  const complete = { size: partial.length, metadataText, receivedAt: receivedAt ?? updatedAt };
  const sha256 = record.sha256 as string;
  const { destination, description } = publicationOf({ ...record, ...complete, sha256 });
  try {
    await partial.publish(destination, description);
  } catch (error) {
    // Only trying again could mend anything else.
    if (error instanceof DyncError && error.code === "name-taken") {
      await giveUp(record, errorMeanings["name-taken"].wire, messageOf(error), parts, hold);
      return;
    }
    try {
      if (!isShown && partial.synced < partial.length) await distrust(record, hold, partial, parts);
    } finally {
      await partial.close();
    }
    throw error;
  }
  await change(hold, { verb: "finish" }, parts);
  parts.logger.log("info", "Upload finished after a restart", { upload: id, user, name });
}

// Its sync may be what failed: the next one would only say that nothing is left to write, and what can be read proves nothing.
async function distrust(
  record: UploadRecord,
  hold: Hold,
  partial: Partial,
  parts: RecoveryParts,
): Promise<void> {
  try {
    await partial.truncate(Math.min(record.durable, partial.length));
  } catch {
    // Then the record alone says so.
  }
  await change(hold, { verb: "distrust" }, parts);
}

// What has its name already has its description beside it as well.
async function endWithoutMetadata(
  { record, hold }: TakenUpload,
  isShown: boolean,
  parts: RecoveryParts,
): Promise<void> {
  if (!isShown) return void (await giveUp(record, ...metadataLost, parts, hold));
  await change(hold, { verb: "finish" }, parts);
  await discard(record.id, parts);
}

/** Somebody else has taken the upload, or it is not in the state in which it was found. */
export function takenElsewhere(): DyncError {
  return new DyncError("not-ready", "Something else is being done with this upload");
}

type Without<Change> = Change extends unknown ? Omit<Change, "at"> : never;

/** As `Catalogue.change`, now. */
export function change(
  hold: Hold,
  what: Without<UploadChange>,
  { catalogue, clock }: Pick<RecoveryParts, "catalogue" | "clock">,
): Promise<boolean> {
  return catalogue.change(hold, { ...what, at: clock.date().toISOString() } as UploadChange);
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
  hold: Hold = { id: record.id, fence: record.fence, owner: parts.owner },
): Promise<boolean> {
  const { id: upload, user, name } = record;
  if (!(await change(hold, { verb: "fail", errorCode: code, reason }, parts))) return false;
  await discard(upload, parts);
  parts.logger.log("info", "Upload given up", { upload, user, name, code, reason });
  return true;
}

/** Deletes what is stored of upload `id`; returns whether that could be done. */
export async function discard(id: string, { storage, logger }: RecoveryParts): Promise<boolean> {
  try {
    await (await storage.open(id))?.discard();
    return true;
  } catch (error) {
    logger.log("warn", "Bytes were not deleted, which is tried again later", {
      upload: id,
      reason: messageOf(error),
    });
    return false;
  }
}
