// What the server remembers of every upload beyond its own life: the contract. `sqlite.ts` implements it with
// `node:sqlite`. The record is a memory aid: what lies in the storage decides.
//
// Nobody gets everything at once: what can be many comes in pages, and metadata, the one thing that is large, only
// when it is asked for.

import type { Destination } from "../upload/destination.ts";
import type { FieldValue } from "../upload/metadata-field.ts";
import type { Form, UploadKey } from "../upload/upload.ts";
import type { AlarmBook } from "./alarm-book.ts";
import type { Instruments } from "./instruments.ts";
import type { NewDelivery, Outbox } from "./outbox.ts";
import type { Counted, Quota, QuotaRoom, UserUsage } from "./quota.ts";

export type { Counted, Quota, QuotaRoom, UserUsage } from "./quota.ts";

/** Metadata of an upload that ended is kept up to this many bytes; of what is more only the file beside the data has it. */
export const metadataBytesKept = 16 * 1024;

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
  /** Of what is stored: a dataset's is the one that its folder gets. */
  readonly name: string;
  /** Where it is published, which it holds until it ends; `null`: in the folder of its user, under its name. */
  readonly place: Destination | null;
  /** What becomes of its bytes: decided when it began. */
  readonly form: Form;
  /** Names of the members of its metadata that hooks added, as a JSON list; `null`: none. */
  readonly added: string | null;
  /** `jsonDigest` of the metadata that were sent of an upload that finished, which outlives metadata that is large; else `null`. */
  readonly metadataDigest: string | null;
  /**
   * What is wrong with its metadata, where it is not published before that is mended: it is open until then, and complete where
   * `sha256` is there; else `null`.
   */
  readonly held: string | null;
  /** Announced size in bytes, or `null`; of an upload that finished, its size. */
  readonly size: number | null;
  /** When the client's file was last modified (RFC 3339, UTC, to the nanosecond), or `null`. */
  readonly modified: string | null;
  /** Name and version of the client's program, or `null`. */
  readonly client: string | null;
  /** Whether its client wants a receipt. */
  readonly wantsReceipt: boolean;
  readonly state: UploadState;
  /** Bytes known to be durable. */
  readonly durable: number;
  /** What the storage says of the bytes behind them, in its own words: see `StoredNote`. */
  readonly mark: string | null;
  /**
   * Bytes that count for it against a quota: what was announced, what it was granted as it grew where nothing was, and from
   * when it is complete what it has.
   */
  readonly bytes: number;
  /** Lower-case hex, once known. */
  readonly sha256: string | null;
  /** By what it is found again, lower-case hex, once known: `sha256` of a file, `Contents.list` of a dataset. */
  readonly content: string | null;
  /** When all of it had come (ISO 8601, UTC), once it has: what its description says, also after a crash. */
  readonly receivedAt: string | null;
  /** When it was stored (ISO 8601, UTC); `null`: it is not, or that is not known, see `resumes`. */
  readonly storedAt: string | null;
  /** When it was held no more, by other metadata; `null`: it was not held, or is, or that is not known. */
  readonly releasedAt: string | null;
  /** When the metadata of what is stored were replaced last; `null`: never, or that is not known. */
  readonly amendedAt: string | null;
  /**
   * How often it was gone on with from what was stored of it; `null`: nobody counted, for an earlier version began it, or the record
   * was made anew from a published file.
   */
  readonly resumes: number | null;
  /** When that was last. */
  readonly resumedAt: string | null;
  readonly errorCode: number | null;
  readonly reason: string | null;
  /** Id of the server that works on it, or worked on it last; `null` where an earlier version did. */
  readonly owner: string | null;
  /** How often it got an owner: only who has this number changes the record. */
  readonly fence: number;
  /** Until when nobody else may take it, in the catalogue's own time: ms since 1970; 0: nobody works on it. */
  readonly leaseUntil: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type NewUpload = Pick<
  UploadRecord,
  | "id"
  | "identity"
  | "user"
  | "origin"
  | "name"
  | "place"
  | "form"
  | "held"
  | "size"
  | "modified"
  | "client"
  | "createdAt"
  | "mark"
> & {
  /** The metadata object as JSON text: as the client sent it, and behind that what hooks added. */
  readonly metadataText: string;
  readonly added?: string | null;
  readonly wantsReceipt?: boolean;
};

/** A server that works on uploads. */
export interface Owner {
  readonly id: string;
  /** How long nobody else may take what it works on, from each change on; 0 where no other server uses the catalogue. */
  readonly leaseMs: number;
}

/** The right to change a record as it was seen, or taken: good until somebody takes the upload anew. */
export interface Hold {
  readonly id: string;
  readonly fence: number;
  readonly owner: Owner;
}

/** What gives `owner` the right to change `record` as it is now. */
export function holdOf({ id, fence }: UploadRecord, owner: Owner): Hold {
  return { id, fence, owner };
}

/** What may happen to an upload; `at` is when (ISO 8601, UTC). */
export type UploadChange = { readonly at: string } & (
  | {
      readonly verb: "progress";
      readonly durable: number;
      readonly mark: string | null;
      /** Nobody works on it from now on, so whoever its client comes to next may take it at once. */
      readonly isPutAway?: true;
    }
  /** Something of it came that is not stored yet. */
  | { readonly verb: "hear" }
  /** Its client goes on with it, from what is stored of it. */
  | { readonly verb: "resume" }
  /** It is complete, and gets its name. */
  | {
      readonly verb: "begin-publish";
      readonly sha256: string;
      readonly content: string;
      readonly receivedAt: string;
      /** Its size, where that was not announced. */
      readonly bytes?: number;
    }
  /** It is complete, and waits for other metadata. */
  | {
      readonly verb: "wait";
      readonly sha256: string;
      readonly content: string;
      readonly receivedAt: string;
      /** Its size. */
      readonly bytes: number;
    }
  /** It turned out not to be complete. */
  | { readonly verb: "reopen"; readonly durable: number }
  /** It has its name; `size` is what it turned out to have, where that is known. `deliveries` are added the first time. */
  | { readonly verb: "finish"; readonly size?: number; readonly deliveries?: readonly NewDelivery[] }
  | { readonly verb: "fail"; readonly errorCode: number; readonly reason: string }
);

export type Admitted =
  | { readonly type: "admitted"; readonly hold: Hold }
  /** Uploads that have not ended hold something that its place needs, or what is to be a folder for it. */
  | { readonly type: "name-taken"; readonly holders: readonly UploadRecord[] }
  /** It would pass a bound of its user. */
  | { readonly type: "too-many-uploads" | "too-much-metadata" }
  | QuotaPassed;

/** There is less room than it takes. */
export type QuotaPassed = { readonly type: "quota-passed"; readonly room: QuotaRoom };

export type Grown =
  /** It may have so many bytes now. */
  | { readonly type: "grown"; readonly bytes: number }
  | QuotaPassed
  /** Somebody has taken the upload, or it is not open any more. */
  | { readonly type: "not-open" };

/** Other metadata for an upload that finished, or is held. */
export interface Amendment {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly metadataText: string;
  /** Where one that was held goes now. */
  readonly place: Destination | null;
}

export type Amended =
  /** `record` as it is now: one that was held and is complete is being published. */
  | { readonly type: "amended"; readonly record: UploadRecord }
  | { readonly type: "name-taken"; readonly holders: readonly UploadRecord[] }
  /** Another one has taken it, or it is in no state for that. */
  | { readonly type: "not-now" };

export type Taken =
  | { readonly type: "taken"; readonly hold: Hold; readonly record: UploadRecord }
  /** Another server works on it. */
  | { readonly type: "held" }
  /** It ended, or is not there. */
  | { readonly type: "ended" };

/** What one user may have in uploads that are open or being published. */
export interface UserBounds {
  readonly uploads: number;
  /** Bytes of metadata (UTF-8) of all of them together. */
  readonly metadataBytes: number;
  /** What it counts for has to fit into all of them. */
  readonly quotas?: readonly Quota[];
}

/** Which uploads are listed: those of which all that is given holds. */
export interface UploadFilter {
  readonly user?: string | undefined;
  readonly states?: readonly UploadState[] | undefined;
  /** They began then or later (ISO 8601, UTC). */
  readonly since?: string | undefined;
  /** They began before that (ISO 8601, UTC). */
  readonly until?: string | undefined;
  readonly name?: ((name: string) => boolean) | undefined;
  /** In ASCII, what each such name has in it, in upper or lower case: others need not be looked at. */
  readonly nameHas?: string | undefined;
  /** Values of their metadata. */
  readonly fields?: readonly FieldValue[] | undefined;
}

/** How far a list has come. */
export interface ListPlace {
  readonly createdAt: string;
  /** Among those that began at the same moment. */
  readonly order: number;
}

export interface ListPage {
  readonly uploads: readonly {
    readonly record: UploadRecord;
    /** Whether its metadata was looked at; `false` where `fields` are asked for and it is not kept here. */
    readonly isSure: boolean;
  }[];
  /** Where the next page begins, or `null`: there is none. */
  readonly next: ListPlace | null;
}

/**
 * Calls resolve when what they did is durable. Failures are `DyncError`: "not-ready" when the same call may succeed later
 * (locked, disk full, an I/O error), "internal" for anything else. Changes take effect in their order, and a question sees those that
 * were asked for before it; it may see some that were asked for behind it.
 */
export interface Catalogue {
  /** What hooks are still to be told. */
  readonly outbox: Outbox;
  /** Which alarms were told, and what they need to know of what was stored. */
  readonly alarms: AlarmBook;
  /** What watched folders told of themselves last. */
  readonly instruments: Instruments;
  /**
   * Adds an upload, and gives it its name: in one step with looking whether that is free, and whether one of `bounds` is
   * passed. `owner` holds it.
   */
  admit(upload: NewUpload, owner: Owner, bounds: UserBounds): Promise<Admitted>;
  /** Gives up what `admit` did, without a trace: the upload was refused after all. */
  withdraw(hold: Hold): Promise<void>;
  /** Takes an upload that has not ended; holds of before are good for nothing from then on. */
  take(id: string, owner: Owner): Promise<Taken>;
  /**
   * Returns whether it happened: `false` when another one has taken the upload, or it is in no state for it (see change.ts). What
   * happened already may happen again. The name is free when it is finished or failed.
   */
  change(hold: Hold, change: UploadChange): Promise<boolean>;
  /**
   * Lets an open upload of which no size was announced count for `need` bytes, and for up to `wish` where there is room within
   * `quotas`: in one step with looking whether that is there. It never counts for less than before.
   */
  grow(hold: Hold, need: number, wish: number, quotas: readonly Quota[]): Promise<Grown>;
  /** What still fits into `quotas`. */
  room(quotas: readonly Quota[]): Promise<QuotaRoom>;
  usageOf(user: string): Promise<UserUsage>;
  /** Of all who have anything, in the order of their names; behind `after`; at most `limit`. */
  usages(after: string | null, limit: number): Promise<readonly UserUsage[]>;
  /**
   * Writes down at `at` (ISO 8601) that `found` is what is left of a user's uploads that were stored before `since`; those that were
   * stored later count as well. Returns what was known before.
   */
  recount(user: string, found: Counted, since: string, at: string): Promise<Counted>;
  /** Gives an upload that finished other metadata, or one that is held, which has its place from then on. */
  amend(hold: Hold, amendment: Amendment): Promise<Amended>;
  /** The newest upload of this identity and user that the key `origin` began, or no known key, or `null`. */
  find(identity: string, user: string, origin: string): Promise<UploadRecord | null>;
  get(id: string): Promise<UploadRecord | null>;
  /**
   * Finished uploads of `user` with this `content`: those first whose metadata have `metadataDigest`, then the newest; at most
   * `limit`.
   */
  withContent(
    user: string,
    content: string,
    metadataDigest: string,
    limit: number,
  ): Promise<readonly UploadRecord[]>;
  /**
   * Uploads that `filter` is about, the latest begun first, behind `after`. At most `limit`; fewer, or none, also where there are more,
   * so that no question takes long: `next` says so.
   */
  listPage(filter: UploadFilter, after: ListPlace | null, limit: number): Promise<ListPage>;
  /** Uploads whose id begins so (lower-case hex), in the order of their ids; at most `limit`. */
  withIdPrefix(prefix: string, limit: number): Promise<readonly UploadRecord[]>;
  /** JSON text of the metadata of an upload, or `null`: of one that ended it is kept up to `metadataBytesKept`. */
  metadataOf(id: string): Promise<string | null>;
  /**
   * Uploads in `state` that changed last before `before` (ISO 8601; null: whenever), those first that changed the
   * longest ago; behind `after`, the last record of the page before; at most `limit`.
   */
  unchanged(
    state: UploadState,
    before: string | null,
    after: UploadRecord | null,
    limit: number,
  ): Promise<readonly UploadRecord[]>;
  /** A user's open uploads of which no byte is durable, oldest first; behind the one with id `after`; at most `limit`. */
  emptyOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]>;
  /** Uploads of `user` that ended in `state`, the one that changed last first; behind `after`; at most `limit`. */
  endedOf(
    user: string,
    state: "finished" | "failed",
    after: Pick<UploadRecord, "id" | "updatedAt"> | null,
    limit: number,
  ): Promise<readonly UploadRecord[]>;
  /** Uploads of `user` that have not ended, the newest first; behind the one with id `after`; at most `limit`. */
  unfinishedOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]>;
  /** How many unfinished uploads of `user` other servers than `owner` work on, of those that are alive; `except`, the id of one, is not counted. */
  heldElsewhere(user: string, owner: string, except: string | null): Promise<number>;
  /** How many uploads of `user` were stored at `since` (ISO 8601) or later and are known; no more than `most` are counted. */
  storedSince(user: string, since: string, most: number): Promise<number>;
  /** Users of uploads that ended, in the order of their names; behind `after`; at most `limit`. */
  users(after: string | null, limit: number): Promise<readonly string[]>;
  /** Forgets up to `limit` finished and failed records last changed before `before` (ISO 8601). Returns how many. */
  forget(before: string, limit: number): Promise<number>;
  /** Forgets a user's records in `state` except the `keep` that changed last, up to `limit`. Returns how many. */
  trim(user: string, state: "finished" | "failed", keep: number, limit: number): Promise<number>;
  /** Gives some of the space that is not used any more back to the system. Returns whether there is more. */
  compact(): Promise<boolean>;
  /** Does what was asked for before, and lets go of everything. */
  close(): void | Promise<void>;
}
