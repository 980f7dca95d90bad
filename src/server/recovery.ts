// What a server does about the uploads that an earlier process left: finishes those that were being published, says
// how much of the others can be trusted, and gives up those that cannot go on.

import type { Clock } from "../base/clock.ts";
import { DyncError, errorMeanings, messageOf } from "../base/error.ts";
import { readJson } from "../base/json-text.ts";
import type { Logger } from "../base/log.ts";
import { sha256Of } from "../base/sha256-of.ts";
import type { Catalogue, UploadRecord } from "../catalogue/catalogue.ts";
import type { Partial, Storage } from "../storage/storage.ts";
import { publicationOf } from "./publication.ts";

export interface RecoveryParts {
  readonly storage: Storage;
  readonly catalogue: Catalogue;
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
export function metadataOf({ id }: UploadRecord, { catalogue }: RecoveryParts): string | null {
  const text = catalogue.metadataOf(id) ?? "";
  const reading = readJson(text);
  return reading.type === "json" && reading.content.members !== null ? text : null;
}

/**
 * Ends what a crash interrupted while upload `record` was being published: publishes it again, or, when its bytes
 * did not survive, opens it again for its client. Returns whether it is over now, or open.
 */
export async function finishPublishing(
  record: UploadRecord,
  parts: RecoveryParts,
): Promise<"finished" | "open"> {
  const { catalogue, storage, logger, clock } = parts;
  const destination = { user: record.user, name: record.name };
  const partial = await storage.open(record.id);
  const updatedAt = (): string => clock.date().toISOString();
  if (partial === null) {
    const published = (await storage.publishedSha256(destination)) === record.sha256;
    const change = published ? "finished" : "failed";
    const reason = published ? null : "The stored bytes are gone";
    catalogue.change(record.id, {
      state: change,
      reason,
      // Its client hears that there is nothing of it here, and begins anew.
      errorCode: published ? null : 404,
      updatedAt: updatedAt(),
    });
    logger.log(published ? "info" : "error", published ? "Upload was finished" : "Upload is lost", {
      upload: record.id,
    });
    return "finished";
  }
  // What has its name was durable before it got it. Where a sync failed before, what can be read proves nothing.
  const isShown = (await storage.publishedSha256(destination)) === record.sha256;
  const isSuspect = parts.bootId !== null && record.bootId === null;
  const isTrusted = isShown || !isSuspect;
  if (isTrusted && record.sha256 !== null && (await sha256Of(partial)).toString("hex") === record.sha256) {
    const metadata = metadataOf(record, parts);
    if (metadata === null) {
      await partial.close();
      await endWithoutMetadata(record, isShown, parts);
      return "finished";
    }
    const { id: upload, identity, user, name, sha256, modified, client } = record;
    // An earlier version did not write down when all had come.
    const receivedAt = record.receivedAt ?? record.updatedAt;
    const about = {
      id: upload,
      identity,
      user,
      name,
      size: partial.length,
      sha256,
      modified,
      receivedAt,
      client,
    };
    const { description } = publicationOf({ ...about, metadataText: metadata });
    try {
      await partial.publish(destination, description);
    } catch (error) {
      // Only trying again could mend anything else.
      if (!(error instanceof DyncError && error.code === "name-taken")) {
        try {
          if (!isShown && partial.synced < partial.length) await distrust(record, partial, parts);
        } finally {
          await partial.close();
        }
        throw error;
      }
      await giveUp(record, errorMeanings["name-taken"].wire, messageOf(error), parts);
      return "finished";
    }
    catalogue.change(record.id, { state: "finished", updatedAt: updatedAt() });
    logger.log("info", "Upload finished after a restart", { upload, user, name });
    return "finished";
  }
  const durable = Math.min(record.durable, partial.length);
  const what = isTrusted ? "Stored bytes differ from their checksum" : "Stored bytes were not made durable";
  logger.log("warn", `${what}: the client has to send again`, { upload: record.id });
  await partial.truncate(durable);
  await partial.close();
  catalogue.change(record.id, { state: "open", durable, sha256: null, updatedAt: updatedAt() });
  return "open";
}

// Its sync may be what failed: the next one would only say that nothing is left to write, and what can be read proves nothing.
async function distrust(
  record: UploadRecord,
  partial: Partial,
  { catalogue, clock }: RecoveryParts,
): Promise<void> {
  try {
    await partial.truncate(Math.min(record.durable, partial.length));
  } catch {
    // Then the record alone says so.
  }
  catalogue.change(record.id, { bootId: null, updatedAt: clock.date().toISOString() });
}

// What has its name already has its description beside it as well.
async function endWithoutMetadata(
  record: UploadRecord,
  isShown: boolean,
  parts: RecoveryParts,
): Promise<void> {
  if (!isShown) return giveUp(record, ...metadataLost, parts);
  parts.catalogue.change(record.id, { state: "finished", updatedAt: parts.clock.date().toISOString() });
  await discard(record.id, parts);
}

/** Gives an upload up that has no session: its bytes go, its record says why for as long as records are kept. */
export async function giveUp(
  record: UploadRecord,
  code: number,
  reason: string,
  parts: RecoveryParts,
): Promise<void> {
  const { catalogue, logger, clock } = parts;
  const updatedAt = clock.date().toISOString();
  catalogue.change(record.id, { state: "failed", errorCode: code, reason, updatedAt });
  await discard(record.id, parts);
  logger.log("info", "Upload given up", {
    upload: record.id,
    user: record.user,
    name: record.name,
    code,
    reason,
  });
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
