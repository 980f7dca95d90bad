// What one upload is called and where it came from: the words that the server, its catalogue and its storage share.

import type { Destination } from "./destination.ts";

/** Which upload it is, and whose. */
export interface UploadKey {
  /** 32 lower-case hex digits, chosen by the server; what `upload-finished` carries. */
  readonly id: string;
  /** Routing identity that its client chose, lower-case hex. Together with `user` it names the upload on the wire. */
  readonly identity: string;
  /** The user behind the key that authenticated. */
  readonly user: string;
}

/** How the members of a tar are published as a folder: as they are, or in a bag (RFC 8493). */
export const layouts = ["plain", "bagit"] as const;
export type Layout = (typeof layouts)[number];

/** What becomes of an upload's bytes: one file, or the folder of a dataset. */
export type Form = "file" | Layout;

/** Whether its client asked for its bytes to be unpacked, in the message that began it. */
export function isAskedToUnpack({
  form,
  place,
}: {
  readonly form: Form;
  readonly place: Destination | null;
}): boolean {
  return form !== "file" && place?.manner?.untar === undefined;
}

/** What is in a dataset. */
export interface Contents {
  readonly layout: Layout;
  /** Number of its files. */
  readonly files: number;
  /**
   * SHA-256, lower-case hex, over the list of its files: for each, in the order of the bytes of its path, the line
   * `SHA256  PATH`, with the path as it is, relative to the dataset.
   */
  readonly list: string;
}

/** A complete upload, as what lies beside it when it is published tells of it. */
export interface CompleteUpload extends UploadKey {
  readonly name: string;
  /** Where it is published; `null`: in the folder of its user, under its name. */
  readonly place: Destination | null;
  /** The client's metadata: a JSON object as text. */
  readonly metadataText: string;
  /** Names of its members that the server's hooks added, as a JSON list; `null`, or not there: none. */
  readonly added?: string | null | undefined;
  /** Bytes: of a dataset those of the tar by which it came. */
  readonly size: number;
  /** Lower-case hex, of the same bytes. */
  readonly sha256: string;
  /** What is in a dataset; `null` for a file. */
  readonly contents: Contents | null;
  /** When the client's file was last modified (RFC 3339, UTC), or `null` where it did not say. */
  readonly modified: string | null;
  /** When all of it had come: ISO 8601, UTC. */
  readonly receivedAt: string;
  /** Name and version of the client's program, or `null` where it did not say. */
  readonly client: string | null;
  /** When its metadata were last replaced (ISO 8601, UTC); not there where they are as its client sent them. */
  readonly amended?: string | undefined;
}
