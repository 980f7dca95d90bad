// Sends several files with one command: some at once, a failure of one does not stop the others, and the end is a summary.
// Used by `send`.

import type { Job } from "../../client/file-upload.ts";
import type { Retry } from "../../client/patience.ts";
import { parseCount } from "../../config/count.ts";
import { openBatchProgress } from "../batch-progress.ts";
import type { CommandContext } from "../command.ts";
import { optionText, unwrap } from "../option-value.ts";
import { BatchOutcomes } from "./batch-outcomes.ts";
import { batchReporter } from "./batch-reporter.ts";
import { openClient } from "./open-client.ts";

// Enough that the disk of either side need not wait for the network or the other way round; more is a matter of measuring.
const atOnceDefault = 4;
// Each may have its window in memory, and a server gives one user so many places.
const atOnceMax = 64;

/** What `--jobs` says: so many uploads at once. Throws `DyncError` ("usage"). */
export function readAtOnce(option: string | undefined): number {
  return option === undefined ? atOnceDefault : unwrap(parseCount(option, 1, atOnceMax), optionText("jobs"));
}

export interface Batch {
  readonly jobs: Iterable<Job> | AsyncIterable<Job>;
  /** How many there are, `null` where that is not known. */
  readonly files: number | null;
  readonly retry: Retry;
  readonly atOnce: number;
}

/** Sends them all, and resolves to the exit status. Rejects with `DyncError` when the user stops it. */
export async function sendBatch(
  { jobs, files, retry, atOnce }: Batch,
  context: CommandContext,
): Promise<number> {
  const progress = openBatchProgress({ ...context, files });
  const outcomes = new BatchOutcomes(context, files);
  const reporter = batchReporter({ ...context, retry, progress, outcomes });
  await using client = openClient(context);
  try {
    await client.send(jobs, { ...retry, atOnce }, reporter, context.signal);
  } finally {
    progress.end();
    outcomes.summarise();
  }
  return outcomes.status;
}
