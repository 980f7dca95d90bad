// What is to be sent: one thing, and where it stands in a batch.

import type { DyncError } from "../base/error.ts";
import type { ServerChoice } from "../keys/known-servers.ts";
import type { Origin } from "./origin.ts";

/** One thing to send. */
export interface Job extends ServerChoice {
  readonly origin: Origin;
  /** Name on the server. */
  readonly name: string;
  /** A JSON object within the limits, as it is to arrive. */
  readonly metadataText: string;
  /** What the source is, where the server shall publish what is in it as a folder. */
  readonly unpack?: "tar" | undefined;
  /** Bytes, as far as they were known before its turn came: for a display alone. */
  readonly size?: number;
  /** Why it cannot be sent, where that was found before its turn came. */
  readonly fault?: DyncError;
  /** Where in a batch it is. */
  readonly place?: BatchPlace;
}

/** The place of a job in a batch. */
export interface BatchPlace {
  /** `null`: the batch is not written down. */
  readonly batch: string | null;
  /** Number in the batch, from 0. */
  readonly number: number;
  /** Under which its upload is begun, where nothing better is remembered. */
  readonly identity: string;
  /** Identities under which it may have been begun before. */
  readonly replaces: readonly string[];
}
