// Makes catalogue records out of what lies beside published files, for when the catalogue itself was lost. What
// walks through the files is given from outside, so that this knows no storage.

import { jsonDigest } from "../base/json-digest.ts";
import type { PublishedUpload } from "../upload/upload.ts";
import type { UploadRecord } from "./catalogue.ts";

/** The record of a published file: finished when it was received. */
export function recordOfPublished(published: PublishedUpload): UploadRecord {
  const { upload: id, received, metadataText, contents, ...known } = published;
  return {
    ...known,
    id,
    form: contents?.layout ?? "file",
    origin: null,
    metadataDigest: jsonDigest(metadataText),
    state: "finished",
    durable: published.size,
    mark: null,
    receivedAt: received,
    errorCode: null,
    reason: null,
    owner: null,
    fence: 0,
    leaseUntil: 0,
    createdAt: received,
    updatedAt: received,
  };
}
