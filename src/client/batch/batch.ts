// What a command shall send, file by file, and what of it is done: a batch that is written down can be taken up again by a
// later process, one that could not be written down is as good for this one.

import type { DyncError } from "../../base/error.ts";
import type { BatchPlace, Job } from "../job.ts";

/** A job of a batch. */
export interface BatchJob extends Job {
  readonly place: BatchPlace;
}

export interface Batch {
  /** `null` where it is not written down. */
  readonly id: string | null;
  /** Why it could not be written down. */
  readonly fault: DyncError | null;
  /** What is to be sent; `null` where that is not known. */
  readonly size: { readonly files: number; readonly bytes: number | null } | null;
  /** Jobs that are not done, in their order. To be asked for once. */
  jobs(): AsyncIterable<BatchJob>;
  /** The job is done: nobody shall try it again. */
  settle(job: BatchJob): void;
  /** Forgets the batch where all of it is done; what is not can be taken up from now on. */
  close(): Promise<void>;
}
