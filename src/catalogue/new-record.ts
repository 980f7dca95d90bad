// The record of an upload that just began, the same in every catalogue.

import type { NewUpload, UploadRecord } from "./catalogue.ts";

/** `upload` as it is recorded: open, with nothing durable. Its metadata is kept beside it. */
export function newRecord({ metadataText: _, ...upload }: NewUpload): UploadRecord {
  return {
    ...upload,
    metadataDigest: null,
    state: "open",
    durable: 0,
    sha256: null,
    receivedAt: null,
    errorCode: null,
    reason: null,
    updatedAt: upload.createdAt,
  };
}
