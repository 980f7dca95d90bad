// The end of an upload: compares checksums, publishes, and records it, in the order that survives a crash between
// any two steps. What a crash interrupted is published by the same code (recovery.ts).

import { DyncError, errorMeanings } from "../base/error.ts";
import { sameJson } from "../base/json-text.ts";
import { timed } from "../base/stages.ts";
import type { ServerInput } from "../protocol/server/server-events.ts";
import { NameTaken, type Sink } from "../storage/storage.ts";
import { sentMetadata } from "../upload/added.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import { publicationOf } from "./publication.ts";
import { type Poster, refusalOf, troubleOf } from "./refusal.ts";
import type { UploadJournal } from "./upload-journal.ts";

export type FinishResult =
  | Extract<ServerInput, { type: "storage-failed" }>
  | (Extract<ServerInput, { type: "finished" }> & { readonly published: CompleteUpload });

/**
 * Compares with `checksum`, the SHA-256 that the client announced, and publishes; what is `held`, by what is wrong with its metadata,
 * waits instead. Resolves with what the machine has to know; never rejects.
 */
export async function finishUpload(
  upload: Omit<CompleteUpload, "sha256" | "contents">,
  checksum: Uint8Array,
  sink: Sink,
  journal: UploadJournal,
  held: string | null = null,
): Promise<FinishResult> {
  try {
    const sha256 = await sink.digest();
    const announced = Buffer.from(checksum).toString("hex");
    if (sha256 !== announced) {
      const text = `Checksum mismatch: the server received ${sha256}, the client announced ${announced}`;
      return { type: "storage-failed", code: errorMeanings["checksum-mismatch"].wire, text, keep: false };
    }
    // Before it is said to be complete: what is no whole tar never gets a name.
    const contents = await sink.contents();
    const content = contents?.list ?? sha256;
    if (held !== null) {
      await hold({ ...upload, sha256 }, content, sink, journal);
      return { type: "storage-failed", ...heldRefusal(upload.id, held), keep: true };
    }
    await journal.publishing(sha256, content, upload.receivedAt, upload.size);
    const published = { ...upload, sha256, contents };
    await timed("publish", () => publish(published, sink, journal));
    return { type: "finished", published };
  } catch (error) {
    journal.log("error", "Publishing failed", troubleOf(error));
    // Everything arrived. Unless the name is somebody's for good, or it is nothing that can be published, it stays, and is
    // published when its client asks again, or this server starts anew.
    return { type: "storage-failed", ...refusalOf(error, posterOf(upload)), keep: !isFinal(error) };
  }
}

function posterOf(upload: Pick<CompleteUpload, "user" | "metadataText" | "added">): Poster {
  return { user: upload.user, metadataText: sentMetadata(upload) };
}

/** Makes all of it durable, and writes down that it waits. */
async function hold(
  { size, sha256, receivedAt }: Pick<CompleteUpload, "size" | "sha256" | "receivedAt">,
  content: string,
  sink: Sink,
  journal: UploadJournal,
): Promise<void> {
  const note = await sink.close();
  await journal.stored(note);
  if (note.durable < size) throw new DyncError("not-ready", "What arrived is not on the server's disk yet");
  await journal.waiting(sha256, content, receivedAt, size);
  journal.log("warn", "Complete, and held until its metadata are put right", { size, sha256 });
}

function heldRefusal(id: string, held: string): { readonly code: number; readonly text: string } {
  const where = `All of it has arrived, and is kept on the server as ${id.slice(0, 8)}`;
  const text = `${where}, hidden, until somebody there puts its metadata right or it expires. ${held}`;
  return { code: errorMeanings["metadata-rejected"].wire, text };
}

/** Publishes `upload`, whose bytes lie complete in `sink` and which is recorded as being published, and records that. */
export async function publish(upload: CompleteUpload, sink: Sink, journal: UploadJournal): Promise<void> {
  const { destination, description } = publicationOf(upload);
  try {
    await sink.publish(destination, description);
  } catch (error) {
    if (destination.manner?.confirmsSame !== true || !isSame(error, upload)) throw error;
    journal.log("info", "The same file lies there already: it counts as stored");
    await sink.discard();
  }
  try {
    await journal.finished(upload, destination);
  } catch (cause) {
    // The file is there, and nobody must hear that it is not: its client asks again until that is recorded as well.
    const text = "The file is stored, and the server could not write that down yet";
    throw new DyncError("not-ready", text, { cause });
  }
}

/** Whether what is in the way of `upload` is what it would have been, and of the same user. */
function isSame(error: unknown, upload: CompleteUpload): boolean {
  const { user, sha256, contents } = upload;
  const there = error instanceof NameTaken ? error.obstacle.published : null;
  if (there === null || there.user !== user || !sameJson(sentMetadata(there), sentMetadata(upload)))
    return false;
  return contents === null ? there.sha256 === sha256 : there.contents?.list === contents.list;
}

/** Whether it can never be published: somebody else has the name for good, or it is not what it should be. */
export function isFinal(error: unknown): error is DyncError {
  return error instanceof DyncError && (error.code === "name-taken" || error.code === "content-rejected");
}
