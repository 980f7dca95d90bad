// Makes catalogue records out of what lies beside published files, for when the catalogue itself was lost. What
// walks through the files is given from outside, so that this knows no storage.

import { jsonDigest } from "../base/json-digest.ts";
import type { PublishedUpload } from "../upload/upload.ts";
import type { UploadRecord } from "./catalogue.ts";

/** The record of a published file: finished when it was received. */
export function recordOfPublished(published: PublishedUpload): UploadRecord {
  return {
    id: published.upload,
    identity: published.identity,
    user: published.user,
    origin: null,
    name: published.name,
    metadataDigest: jsonDigest(published.metadataText),
    size: published.size,
    modified: published.modified,
    client: published.client,
    state: "finished",
    durable: published.size,
    mark: null,
    sha256: published.sha256,
    receivedAt: published.received,
    errorCode: null,
    reason: null,
    owner: null,
    fence: 0,
    leaseUntil: 0,
    createdAt: published.received,
    updatedAt: published.received,
  };
}
