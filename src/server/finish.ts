// The end of an upload: compares checksums, publishes, and records it, in the order that survives a crash between
// any two steps (recovery.ts takes it up where it stopped).

import { DyncError, errorMeanings } from "../base/error.ts";
import type { ServerInput } from "../protocol/server-events.ts";
import type { Refusal } from "../protocol/upload-life.ts";
import { refusalOf, troubleOf } from "./admission.ts";
import { type CompleteUpload, publicationOf } from "./publication.ts";
import type { StoredBytes } from "./stored-bytes.ts";
import type { UploadJournal } from "./upload-journal.ts";

export type FinishResult = Extract<ServerInput, { type: "finished" | "storage-failed" }>;

/**
 * Compares with `checksum`, the SHA-256 that the client announced, and publishes. Resolves with what the machine has to
 * know; never rejects.
 */
export async function finishUpload(
  upload: Omit<CompleteUpload, "sha256">,
  checksum: Uint8Array,
  bytes: StoredBytes,
  journal: UploadJournal,
): Promise<FinishResult> {
  const sha256 = bytes.digest();
  const announced = Buffer.from(checksum).toString("hex");
  if (sha256 !== announced) {
    const text = `Checksum mismatch: the server received ${sha256}, the client announced ${announced}`;
    return { type: "storage-failed", code: errorMeanings["checksum-mismatch"].wire, text, keep: false };
  }
  try {
    await journal.publishing(sha256, upload.receivedAt);
    const { destination, description } = publicationOf({ ...upload, sha256 });
    await bytes.publish(destination, description);
    return await recordFinished(journal);
  } catch (error) {
    journal.log("error", "Publishing failed", troubleOf(error));
    return { type: "storage-failed", ...answerTo(error, upload.metadataText, bytes.isSuspect) };
  }
}

// The file is there, and nobody must hear that it is not: its client asks again until that is recorded as well.
async function recordFinished(journal: UploadJournal): Promise<FinishResult> {
  try {
    await journal.finished();
    return { type: "finished" };
  } catch (error) {
    journal.log("error", "The end of an upload was not recorded", troubleOf(error));
    const text = "The file is stored, and the server could not write that down yet";
    return { type: "storage-failed", code: errorMeanings["not-ready"].wire, text, keep: true };
  }
}

// Everything arrived. Unless the name is somebody's for good, it stays, and recovery.ts publishes it when its client asks
// again, or this server starts anew.
function answerTo(
  error: unknown,
  metadataText: string,
  isSuspect: boolean,
): Refusal & { readonly keep: boolean } {
  const refusal = refusalOf(error, metadataText);
  if (error instanceof DyncError && error.code === "name-taken") return { ...refusal, keep: false };
  if (!isSuspect || refusal.code !== errorMeanings.internal.wire) return { ...refusal, keep: true };
  // The disk lost what it took, or may have: sent once more it may be kept.
  const text = "The file arrived and could not be made durable; the server asks for what it needs again";
  return { code: errorMeanings["not-ready"].wire, text, keep: true };
}
