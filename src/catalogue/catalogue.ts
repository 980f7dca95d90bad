// What the server remembers of every upload beyond its own life: the contract. `sqlite.ts` implements it with
// `node:sqlite`; `memory.ts` is for tests. The record is a memory aid: what lies in the storage decides.

export type UploadState =
  /** Bytes are still missing, or the end was not confirmed. */
  | "open"
  /** Complete and verified; being published. After a crash it is published again. */
  | "publishing"
  /** Published: `upload-finished` may be repeated. */
  | "finished"
  /** Given up (error, cancelled, expired): the bytes are gone; `reason` says why. */
  | "failed";

export interface UploadRecord {
  /** 32 lower-case hex digits, chosen by the server; what `upload-finished` carries. */
  readonly id: string;
  /** Routing identity of the client, lower-case hex. Together with `user` it names the upload on the wire. */
  readonly identity: string;
  readonly user: string;
  /**
   * Public key text (Z85) of the key that began it; `null` where that is not known: an earlier version began it, or
   * the record was made anew from a published file.
   */
  readonly origin: string | null;
  readonly name: string;
  /** The metadata object as JSON text, as the client sent it. */
  readonly metadataText: string;
  /** Announced size in bytes, or `null`. */
  readonly size: number | null;
  readonly state: UploadState;
  /** Bytes known to be durable. */
  readonly durable: number;
  /** Identifies the running system (not the process) when `durable` was written; a power cut changes it. */
  readonly bootId: string | null;
  /** Lower-case hex, once known. */
  readonly sha256: string | null;
  readonly errorCode: number | null;
  readonly reason: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type NewUpload = Pick<
  UploadRecord,
  "id" | "identity" | "user" | "origin" | "name" | "metadataText" | "size" | "createdAt" | "bootId"
>;

export type UploadChange = Partial<
  Pick<UploadRecord, "state" | "durable" | "bootId" | "sha256" | "errorCode" | "reason">
> & { readonly updatedAt: string };

/** All calls are synchronous and durable when they return. Failures throw `DyncError` ("internal" or "no-space"). */
export interface Catalogue {
  add(upload: NewUpload): void;
  change(id: string, change: UploadChange): void;
  /** The newest upload of this identity and user that the key `origin` began, or no known key, or `null`. */
  find(identity: string, user: string, origin: string): UploadRecord | null;
  get(id: string): UploadRecord | null;
  /** Uploads in one of `states`, oldest first. */
  list(states: readonly UploadState[]): readonly UploadRecord[];
  /** Forgets finished and failed records last changed before `date` (ISO 8601). Returns how many. */
  forget(before: string): number;
  close(): void;
}
