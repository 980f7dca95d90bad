// A batch that could not be written down, or not all of it: it is sent all the same, and known to this process alone.

import type { DyncError } from "../../base/error.ts";
import { newIdentity } from "../identity.ts";
import type { Job } from "../job.ts";
import type { Batch, BatchJob } from "./batch.ts";
import type { BatchDraft } from "./batch-draft.ts";
import { jobsOf } from "./batch-jobs.ts";

export interface FleetingParts {
  readonly fault: DyncError;
  /** With the jobs that were written down so far. */
  readonly draft: BatchDraft | null;
  /** The jobs behind those. */
  readonly rest: AsyncIterator<Job>;
}

export class FleetingBatch implements Batch {
  readonly id = null;
  readonly size = null;
  readonly #parts: FleetingParts;

  constructor(parts: FleetingParts) {
    this.#parts = parts;
  }

  get fault(): DyncError {
    return this.#parts.fault;
  }

  async *jobs(): AsyncGenerator<BatchJob, void, undefined> {
    const { draft, rest } = this.#parts;
    let number = 0;
    const place = () => ({ batch: null, number: number++, identity: newIdentity(), replaces: [] });
    if (draft !== null) yield* jobsOf(draft.lines(), place);
    for (let next = await rest.next(); next.done !== true; next = await rest.next())
      yield { ...next.value, place: place() };
  }

  settle(): void {}

  async close(): Promise<void> {
    await this.#parts.draft?.discard();
  }
}
