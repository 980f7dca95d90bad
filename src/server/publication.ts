// What is published of a complete upload: where it goes, and what lies beside it. One place for it, so that what a crash
// interrupted is finished with the same text.

import type { Description } from "../storage/storage.ts";
import { type Destination, destinationOf } from "../upload/destination.ts";
import { sidecarText } from "../upload/sidecar.ts";
import type { CompleteUpload } from "../upload/upload.ts";

export interface Publication {
  readonly destination: Destination;
  readonly description: Description;
}

/** What `Partial.publish` is given for `upload`. */
export function publicationOf(upload: CompleteUpload): Publication {
  const { sha256, modified } = upload;
  return {
    destination: destinationOf(upload),
    description: { sha256, metadataText: sidecarText(upload), modified },
  };
}
