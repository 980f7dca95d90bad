// Where bytes go: the contract that the server sees. `filesystem.ts` implements it on a local disk, the
// simulator in memory with faults; an object store fits behind it as well. Nothing here knows the protocol.

import { DyncError } from "../base/error.ts";

/** Where a finished upload lies: under `user`, as `name`. Both are checked by `upload/names.ts` before they get here. */
export interface Destination {
  readonly user: string;
  readonly name: string;
}

/** What is published beside the data. */
export interface Description {
  /** Lower-case hex SHA-256 of the content. */
  readonly sha256: string;
  /** Text of `NAME.meta.json`. */
  readonly metadataText: string;
  /** When the content was last modified where it comes from (RFC 3339, UTC): the published file gets this time. */
  readonly modified?: string | null;
}

/** A file that was published whole, at exactly one destination. */
export interface Published {
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Id of the upload. */
  readonly upload: string;
  /** The client's metadata, a JSON object as text. */
  readonly metadataText: string;
}

/** Why nothing can be published at a destination. */
export interface Obstacle {
  /** Name of the file that is there, as it is spelled there, or `null` where nobody looked. */
  readonly file: string | null;
  /** What it is, when it was published at exactly this destination. */
  readonly published: Published | null;
}

/** Something is there already. */
export class NameTaken extends DyncError {
  readonly obstacle: Obstacle;

  constructor(text: string, obstacle: Obstacle) {
    super("name-taken", text);
    this.obstacle = obstacle;
  }
}

/**
 * Bytes of one unfinished upload. One caller at a time, one call at a time.
 * Failures are `DyncError`: `no-space` when the medium takes no more, `not-ready` when trying again later can help
 * (no descriptors left, the medium is away), `internal` when somebody has to mend something first; after one the
 * bytes past the last successful `sync` are not to be trusted, and only `truncate`, `close` and `discard` may follow.
 */
export interface Partial {
  /** Bytes that are there, from 0 without a gap. */
  readonly length: number;
  /** Bytes that a `sync` or `publish` through this handle made durable, also when the rest of the publishing failed. */
  readonly synced: number;
  /** Appends `data` at `length`; resolves when all of it was taken by the system. `data` is not used afterwards. */
  append(data: Uint8Array): Promise<void>;
  /** Resolves when everything appended before the call is durable. May run beside an `append`. */
  sync(): Promise<void>;
  /** Reads up to `into.length` bytes at `offset`; returns how many. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** Cuts back to `length` bytes, durably. */
  truncate(length: number): Promise<void>;
  /**
   * Makes the content visible at `destination`, with its description, all durable, and never replacing anything:
   * throws `NameTaken` when something is there already. Repeatable after a crash in its midst.
   * The partial is gone afterwards.
   */
  publish(destination: Destination, description: Description): Promise<void>;
  /** Lets go of the handles; the bytes stay. */
  close(): Promise<void>;
  /** Closes, and deletes the bytes. */
  discard(): Promise<void>;
}

export interface Storage {
  /** Creates an empty partial. `id` is 32 lower-case hex digits, never used before. */
  create(id: string): Promise<Partial>;
  /** Opens a partial that is there, or returns `null`. */
  open(id: string): Promise<Partial | null>;
  /** Ids of all partials that are there, in no order, one after another: there may be very many. */
  ids(): AsyncIterable<string>;
  /** When the bytes of partial `id` last changed, by the calendar of the medium; `null` when it is not there. */
  writtenAt(id: string): Promise<Date | null>;
  /**
   * What lies at `destination`, at a name that differs only in case or Unicode form, or where the files beside it would
   * be; `null` when nothing does.
   */
  obstacle(destination: Destination): Promise<Obstacle | null>;
  /** Throws the `DyncError` that publishing at `destination` would end with, so far as can be found out beforehand. */
  tryDestination(destination: Destination): Promise<void>;
  /** SHA-256 (hex) that was published at exactly `destination`, or `null` where nothing was. */
  publishedSha256(destination: Destination): Promise<string | null>;
  /** Bytes that can still be stored, or `null` where the medium cannot tell. */
  freeBytes(): Promise<number | null>;
  close(): Promise<void>;
}
