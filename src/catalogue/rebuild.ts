// Makes catalogue records out of what lies beside published files, for when the catalogue itself was lost. What
// walks through the files is given from outside, so that this knows no storage.

import { digestOfSent } from "../upload/added.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import type { UploadRecord } from "./catalogue.ts";

/** An upload that ended, as a catalogue takes it when it is made anew. */
export interface EndedUpload {
  readonly record: UploadRecord;
  readonly metadataText: string;
}

/** The record of a published file: finished when it was received. */
export function recordOfPublished(published: CompleteUpload): UploadRecord {
  const { metadataText: _, contents, amended, ...known } = published;
  return {
    ...known,
    added: known.added ?? null,
    form: contents?.layout ?? "file",
    content: contents?.list ?? known.sha256,
    origin: null,
    metadataDigest: digestOfSent(published),
    state: "finished",
    durable: published.size,
    bytes: published.size,
    held: null,
    wantsReceipt: false,
    mark: null,
    storedAt: null,
    releasedAt: null,
    amendedAt: amended ?? null,
    resumes: null,
    resumedAt: null,
    errorCode: null,
    reason: null,
    owner: null,
    fence: 0,
    leaseUntil: 0,
    createdAt: known.receivedAt,
    updatedAt: known.receivedAt,
  };
}

// Records per transaction.
const batchRecords = 500;

/** Gives `restore` a record of each upload that was published, some hundred at a time. Returns how many there are. */
export async function restorePublished(
  published: AsyncIterable<CompleteUpload>,
  restore: (batch: readonly EndedUpload[]) => Promise<void> | void,
): Promise<number> {
  let batch: EndedUpload[] = [];
  let count = 0;
  for await (const upload of published) {
    batch.push({ record: recordOfPublished(upload), metadataText: upload.metadataText });
    count++;
    if (batch.length < batchRecords) continue;
    await restore(batch);
    batch = [];
  }
  await restore(batch);
  return count;
}
