// What is published of a complete upload: where it goes, and what lies beside it. One place for it, so that what a crash
// interrupted is finished with the same text.

import type { Description, Destination } from "../storage/storage.ts";
import { sidecarText } from "../upload/sidecar.ts";
import type { Contents, UploadKey } from "../upload/upload.ts";

/** A complete upload: the part of its record that its description tells. */
export interface CompleteUpload extends UploadKey {
  readonly name: string;
  /** The metadata object as JSON text, as the client sent it. */
  readonly metadataText: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** What is in a dataset; `null` for a file. */
  readonly contents: Contents | null;
  /** When the client's file was last modified (RFC 3339, UTC), or `null`. */
  readonly modified: string | null;
  /** When all of it had come: ISO 8601, UTC. */
  readonly receivedAt: string;
  /** Name and version of the client's program, or `null`. */
  readonly client: string | null;
}

export interface Publication {
  readonly destination: Destination;
  readonly description: Description;
}

/** What `Partial.publish` is given for `upload`. */
export function publicationOf(upload: CompleteUpload): Publication {
  const { id, receivedAt, metadataText, contents, ...about } = upload;
  const { user, name, sha256, modified } = upload;
  const unpacked = contents === null ? {} : { contents };
  const provenance = { ...about, ...unpacked, upload: id, received: receivedAt };
  return {
    destination: { user, name },
    description: { sha256, metadataText: sidecarText(metadataText, provenance), modified },
  };
}
