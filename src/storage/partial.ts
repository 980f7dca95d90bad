// Bytes of one unfinished upload that can be appended, read again and cut back, what storages have that
// keep an upload as a file, or as memory. An object store has neither, and no use for this.

import type { Readable } from "../base/sha256-of.ts";
import type { Destination } from "../upload/destination.ts";
import type { Contents } from "../upload/upload.ts";
import type { Description } from "./storage.ts";

/** A state of SHA-256 (storage/sha256/), and how many bytes had gone into it. */
export interface SavedState {
  readonly length: number;
  readonly state: Uint8Array;
}

/** Keeps states of the checksum beside the bytes, as durable as those are; they go when the bytes before them are cut off. */
export interface StateKeeper {
  /** `state` is that of all bytes that are there. A call like `append`. */
  keep(state: Uint8Array): Promise<void>;
  /** The last one of at most `limit` bytes that is believed, or `null`. */
  last(limit: number): Promise<SavedState | null>;
}

/**
 * One caller at a time, one call at a time. Failures are `DyncError`, see `Sink`; after one the bytes past the last successful
 * `sync` are not to be trusted, and only `truncate`, `close` and `discard` may follow.
 */
export interface PartialUpload extends Readable {
  /** Bytes that are there, from 0 without a gap. */
  readonly length: number;
  /** Bytes that a `sync` or `publish` through this handle made durable, also when the rest of the publishing failed. */
  readonly synced: number;
  /**
   * Where somebody else may still write to what is there: makes a copy that nobody else has, which takes as long as it is large. Whatever
   * changes it does that first; who does it before can have it broken off by `check`, which is called now and then and may throw.
   */
  makeOwn?(check: () => void): Promise<void>;
  /** Appends `data` at `length`; resolves when all of it was taken by the system. `data` is not used afterwards. */
  append(data: Uint8Array): Promise<void>;
  /** Resolves when everything appended before the call is durable. May run beside an `append`. */
  sync(): Promise<void>;
  /** Where states of the checksum can be kept. */
  readonly states?: StateKeeper;
  /** Cuts back to `length` bytes, durably. */
  truncate(length: number): Promise<void>;
  /** See `Sink.contents`. */
  contents(): Promise<Contents | null>;
  /** See `Sink.publish`. It is gone afterwards. */
  publish(destination: Destination, description: Description): Promise<void>;
  /** Lets go of the handles; the bytes stay. */
  close(): Promise<void>;
  /** Closes, and deletes the bytes. */
  discard(): Promise<void>;
}
