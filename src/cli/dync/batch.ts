// Sends several files with one command: some at once, a failure of one does not stop the others, and the end is a summary.
// Used by `send` and `resume`.

import { DyncError } from "../../base/error.ts";
import type { Batch } from "../../client/batch/batch.ts";
import type { Client, ClientOptions } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import { sizeOf } from "../../client/origin.ts";
import type { Retry } from "../../client/patience.ts";
import type { UnfinishedUpload } from "../../client/upload-store.ts";
import type { Priority } from "../../protocol/priority.ts";
import { BatchProgress } from "../batch-progress.ts";
import type { CommandContext } from "../command.ts";
import { BatchOutcomes } from "./batch-outcomes.ts";
import { batchReporter } from "./batch-reporter.ts";
import { openClient } from "./open-client.ts";
import { shortened } from "./unfinished.ts";
import { statsOf } from "./what-is-there.ts";

/** How several are sent. */
export interface Conduct {
  readonly retry: Retry;
  readonly atOnce: number;
  /** Whether what the server has already, under any name, is looked for before anything is sent. */
  readonly skipsIdentical?: boolean;
  /** How urgent they are; what is usual when absent. */
  readonly priority?: Priority | undefined;
  /** How fast all of them together may be sent, as the client takes it. */
  readonly rate?: ClientOptions["rate"];
}

/** Writes down what is to be sent, sends it, and resolves to the exit status. Rejects with `DyncError` when the user stops it. */
export async function sendBatch(
  jobs: Iterable<Job> | AsyncIterable<Job>,
  conduct: Conduct,
  context: CommandContext,
): Promise<number> {
  const { output, clock, signal } = context;
  await using client = openClient(context, conduct);
  const batch = await client.batches.begin(withSizes(jobs), clock.date().toISOString(), signal);
  if (batch.fault !== null) {
    const hint = "the files are sent all the same; if that is interrupted, give this command again";
    output.warn(batch.fault.message, hint);
  }
  const outcomes = new BatchOutcomes({ ...context, files: filesIn([batch]), batches: [batch] });
  return await sendParts({ uploads: [], batches: [batch] }, outcomes, conduct, { client, context });
}

async function* withSizes(jobs: Iterable<Job> | AsyncIterable<Job>): AsyncGenerator<Job, void, undefined> {
  for await (const job of jobs) {
    const size = job.size ?? (job.origin.kind === "file" ? (statsOf(job.origin.path)?.size ?? null) : null);
    yield size === null ? job : { ...job, size };
  }
}

/** What one command sends: uploads that are known one by one, and batches, which it closes. */
export interface Parts {
  readonly uploads: readonly UnfinishedUpload[];
  readonly batches: readonly Batch[];
}

/** How many files there are, `null` where that is not known. */
export function filesIn(batches: readonly Batch[]): number | null {
  return batches.reduce<number | null>(
    (files, { size }) => (files === null || size === null ? null : files + size.files),
    0,
  );
}

/** What they have together, as far as that is known of all. */
function bytesIn(uploads: readonly UnfinishedUpload[], batches: readonly Batch[]): number | null {
  const sizes = uploads.map(({ origin }) => sizeOf(origin));
  const sum = sizes.reduce((bytes, size) => (bytes === null || size === null ? null : bytes + size), 0);
  return batches.reduce<number | null>(
    (bytes, { size }) => (bytes === null || size === null || size.bytes === null ? null : bytes + size.bytes),
    sum,
  );
}

/** Sends all of them; as `sendBatch`. */
export async function sendParts(
  { uploads, batches }: Parts,
  outcomes: BatchOutcomes,
  { retry, ...how }: Conduct,
  { client, context }: { readonly client: Client; readonly context: CommandContext },
): Promise<number> {
  const { signal } = context;
  const progress = new BatchProgress({ ...context, files: outcomes.files, bytes: bytesIn(uploads, batches) });
  const reporter = batchReporter({ ...context, retry, progress, outcomes });
  try {
    await client.send(jobsOf(uploads, batches), { ...retry, ...how }, reporter, signal);
  } catch (error) {
    throw signal.aborted && error instanceof DyncError ? interruption(error, outcomes, batches) : error;
  } finally {
    progress.end();
    for (const batch of batches) await batch.close();
    outcomes.summarise();
  }
  if (outcomes.left > 0) context.output.say(wayOn(outcomes, batches));
  return outcomes.status;
}

async function* jobsOf(uploads: readonly Job[], batches: readonly Batch[]): AsyncGenerator<Job> {
  yield* uploads;
  for (const batch of batches) yield* batch.jobs();
}

/** What is said once where all that was under way ends. */
function interruption(error: DyncError, outcomes: BatchOutcomes, batches: readonly Batch[]): DyncError {
  return error.reworded({ hint: wayOn(outcomes, batches) });
}

function wayOn({ left, refused }: BatchOutcomes, batches: readonly Batch[]): string {
  if (batches.some(({ fault }) => fault !== null)) return "the same command goes on with what is left";
  const [which, them] = left === 1 ? ["the one that is left", "it"] : [`the ${left} that are left`, "them"];
  const [only, another] = batches;
  const drop =
    only?.id != null && another === undefined ? `, "dync cancel ${shortened(only.id)}" drops ${them}` : "";
  if (refused === left) return `"dync resume" sends ${them} once mended${drop}`;
  return `"dync resume" goes on with ${which}${drop}`;
}
