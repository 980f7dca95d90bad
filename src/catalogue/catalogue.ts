// What the server remembers of every upload beyond its own life: the contract. `sqlite.ts` implements it with
// `node:sqlite`; `memory.ts` is for tests. The record is a memory aid: what lies in the storage decides.
//
// Nobody gets everything at once: what can be many comes in pages, and metadata, the one thing that is large, only
// when it is asked for.

import type { UploadKey } from "../upload/upload.ts";

export type UploadState =
  /** Bytes are still missing, or the end was not confirmed. */
  | "open"
  /** Complete and verified; being published. After a crash it is published again. */
  | "publishing"
  /** Published: `upload-finished` may be repeated. */
  | "finished"
  /** Given up (error, cancelled, expired): the bytes are gone; `reason` says why. */
  | "failed";

export interface UploadRecord extends UploadKey {
  /**
   * Public key text (Z85) of the key that began it; `null` where that is not known: an earlier version began it, or
   * the record was made anew from a published file.
   */
  readonly origin: string | null;
  readonly name: string;
  /** `jsonDigest` of the metadata of an upload that finished, which outlives the metadata itself; else `null`. */
  readonly metadataDigest: string | null;
  /** Announced size in bytes, or `null`. */
  readonly size: number | null;
  /** When the client's file was last modified (RFC 3339, UTC, to the nanosecond), or `null`. */
  readonly modified: string | null;
  /** Name and version of the client's program, or `null`. */
  readonly client: string | null;
  readonly state: UploadState;
  /** Bytes known to be durable. */
  readonly durable: number;
  /** Identifies the running system (not the process) when `durable` was written; a power cut changes it. */
  readonly bootId: string | null;
  /** Lower-case hex, once known. */
  readonly sha256: string | null;
  /** When all of it had come (ISO 8601, UTC), once it has: what its description says, also after a crash. */
  readonly receivedAt: string | null;
  readonly errorCode: number | null;
  readonly reason: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type NewUpload = Pick<
  UploadRecord,
  "id" | "identity" | "user" | "origin" | "name" | "size" | "modified" | "client" | "createdAt" | "bootId"
> & {
  /** The metadata object as JSON text, as the client sent it. Kept until the upload ends. */
  readonly metadataText: string;
};

export type UploadChange = Partial<
  Pick<UploadRecord, "state" | "durable" | "bootId" | "sha256" | "receivedAt" | "errorCode" | "reason">
> & { readonly updatedAt: string };

/** What one user may have in uploads that are open or being published. */
export interface UserBounds {
  readonly uploads: number;
  /** Bytes of metadata (UTF-8) of all of them together. */
  readonly metadataBytes: number;
}

/** Whether a new upload was taken, or which bound of its user it would pass. */
export type AddResult = "added" | "too-many-uploads" | "too-much-metadata";

/**
 * All calls are synchronous and durable when they return. Failures throw `DyncError`: "not-ready" when the same call
 * may succeed later (locked, disk full, an I/O error), "internal" for anything else.
 */
export interface Catalogue {
  /** Adds an upload, unless that would pass one of `bounds`. */
  add(upload: NewUpload, bounds: UserBounds): AddResult;
  /** The metadata goes when the state becomes `finished` or `failed`. */
  change(id: string, change: UploadChange): void;
  /** The newest upload of this identity and user that the key `origin` began, or no known key, or `null`. */
  find(identity: string, user: string, origin: string): UploadRecord | null;
  get(id: string): UploadRecord | null;
  /** JSON text of the metadata of an upload that has not ended, or `null`. */
  metadataOf(id: string): string | null;
  /** Ids of a user's uploads that have not ended and whose folded name (`foldName`) is one of `names`. */
  holdersOf(user: string, names: readonly string[]): readonly string[];
  /**
   * Uploads in `state` that changed last before `before` (ISO 8601; null: whenever), those first that changed the
   * longest ago; behind `after`, the last record of the page before; at most `limit`.
   */
  unchanged(
    state: UploadState,
    before: string | null,
    after: UploadRecord | null,
    limit: number,
  ): readonly UploadRecord[];
  /** A user's open uploads of which no byte is durable, oldest first; behind the one with id `after`; at most `limit`. */
  emptyOf(user: string, after: string | null, limit: number): readonly UploadRecord[];
  /** Users of uploads that ended, in the order of their names; behind `after`; at most `limit`. */
  users(after: string | null, limit: number): readonly string[];
  /** Forgets up to `limit` finished and failed records last changed before `before` (ISO 8601). Returns how many. */
  forget(before: string, limit: number): number;
  /** Forgets a user's records in `state` except the `keep` that changed last, up to `limit`. Returns how many. */
  trim(user: string, state: "finished" | "failed", keep: number, limit: number): number;
  /** Gives some of the space that is not used any more back to the system. Returns whether there is more. */
  compact(): boolean;
  close(): void;
}
