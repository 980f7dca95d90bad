// What is published of a complete upload: where it goes, and what lies beside it. One place for it, so that what a crash
// interrupted is finished with the same text.

import type { LogFields } from "../base/log.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import type { Description, Published, Storage } from "../storage/storage.ts";
import { type Destination, destinationOf } from "../upload/destination.ts";
import { sidecarText } from "../upload/sidecar.ts";
import type { CompleteUpload, Form } from "../upload/upload.ts";

export interface Publication {
  readonly destination: Destination;
  readonly description: Description;
}

/** What is published, as its line of the log tells it: a program that reads that needs nothing else to find and to check it. */
export function publishedFields(
  upload: Pick<UploadRecord, "user" | "name" | "place" | "size" | "sha256">,
  form: Form,
  storage: Pick<Storage, "pathOf">,
): LogFields {
  const { size, sha256 } = upload;
  const path = storage.pathOf(destinationOf(upload));
  return { path, size, sha256, ...(form === "file" ? {} : { dataset: form }) };
}

/** What lies where `record` was published, if it is that upload; else `null`. */
export async function publishedAs(
  record: UploadRecord,
  storage: Pick<Storage, "obstacle">,
): Promise<Published | null> {
  const published = (await storage.obstacle(destinationOf(record)))?.published ?? null;
  return published?.id === record.id ? published : null;
}

/** What `Partial.publish` is given for `upload`. */
export function publicationOf(upload: CompleteUpload): Publication {
  const { sha256, modified } = upload;
  return {
    destination: destinationOf(upload),
    description: { sha256, metadataText: sidecarText(upload), modified },
  };
}
