// `dync resume [ID…]`: what is unfinished, all or some of it: uploads that were begun, and what is left of batches.

import { DyncError } from "../../base/error.ts";
import type { Batch } from "../../client/batch/batch.ts";
import type { UnfinishedBatch } from "../../client/batch/batch-store.ts";
import type { Client } from "../../client/client.ts";
import { BeingSent } from "../../client/resumption.ts";
import type { UnfinishedUpload } from "../../client/upload-store.ts";
import { followedAsItIs } from "../../watch/live/follow.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { type Conduct, filesIn, sendParts } from "./batch.ts";
import { BatchOutcomes } from "./batch-outcomes.ts";
import { readAtOnce, readPriority, readRetry } from "./conduct.ts";
import { openClient } from "./open-client.ts";
import { Outcomes } from "./outcomes.ts";
import { reporterFor } from "./reporter.ts";
import { readRateSource } from "./send-limit.ts";
import { networkOptions } from "./send-options.ts";
import {
  describe,
  isBatch,
  isUpload,
  listUnfinished,
  selectUnfinished,
  type Unfinished,
} from "./unfinished.ts";
import { resumeUsage } from "./usage-unfinished.ts";

export const resumeCommand = defineCommand({
  name: "resume",
  usage: resumeUsage,
  options: {
    ...sharedOptions,
    ...networkOptions,
    jobs: { type: "string" },
    "retry-for": { type: "string" },
    complete: { type: "boolean" },
    quiet: { type: "boolean", alias: "q" },
    json: { type: "boolean" },
    id: { type: "positional", required: false, repeat: true },
  },
  check: ({ switches, positionals }) => ({
    misread: null,
    others: switches.includes("complete") && positionals.length === 0 ? [completeWithoutId()] : [],
  }),
  async run(values, context) {
    const { output } = context;
    if (values.quiet) output.beQuiet();
    const sources = { options: values, profile: null };
    const conduct = {
      retry: readRetry(sources),
      atOnce: readAtOnce(sources),
      priority: readPriority(sources),
    };
    await using client = openClient(context, { rate: readRateSource(values.limit, context, null) });
    const all = await listUnfinished(client, output);
    const named = values.id.length === 0 ? all : selectUnfinished(all, values.id);
    const selected = values.complete ? named.map(asItIs) : named;
    if (selected.length === 0) return nothing(context);
    const batches = selected.filter(isBatch);
    // A batch goes on with its own.
    const isOfBatch = ({ batch }: UnfinishedUpload): boolean => batches.some(({ id }) => id === batch?.id);
    const uploads = selected.filter(isUpload).filter((one) => !isOfBatch(one));
    const parts = { client, context, conduct };
    const [only] = uploads;
    if (only === undefined || uploads.length > 1 || batches.length > 0)
      return await resumeAll(uploads, batches, parts);
    return await resumeOne(only, parts);
  },
});

function completeWithoutId(): DyncError {
  const hint = 'name the upload: "dync uploads" lists them';
  return new DyncError("usage", 'Option "--complete" needs an ID', { hint });
}

/** The upload of a run that is sent while it is written, which ends with what is there. Throws `DyncError` ("usage") of any other. */
function asItIs(one: Unfinished): Unfinished {
  if (isBatch(one) || one.origin.kind !== "live") {
    const hint = "--complete is about runs that are sent while they are written";
    throw new DyncError("usage", `${describe(one)} has an end of its own`, { hint });
  }
  return { ...one, origin: { ...one.origin, follow: followedAsItIs(one.origin.follow) } };
}

function nothing({ output }: CommandContext): number {
  output.summarise({ uploads: [] });
  output.say("Nothing is unfinished");
  return 0;
}

interface ResumeParts {
  readonly client: Client;
  readonly context: CommandContext;
  readonly conduct: Conduct;
}

/** One alone, told of as `send` tells of one. */
async function resumeOne(
  upload: UnfinishedUpload,
  { client, context, conduct }: ResumeParts,
): Promise<number> {
  const { output, signal } = context;
  const outcomes = new Outcomes([upload], context);
  const reporter = reporterFor<UnfinishedUpload>(context, conduct.retry, {
    stored: (_, receipt) => {
      settle(upload, client);
      outcomes.note(upload, { outcome: "stored", ...receipt });
    },
    failed: (_, error) => {
      if (!(error instanceof BeingSent)) return outcomes.failed(upload, error);
      output.say(`Skipped ${describe(upload)}: another dync process is sending it`);
      outcomes.note(upload, { outcome: "skipped" });
    },
  });
  await client.send([upload], { ...conduct.retry, priority: conduct.priority }, reporter, signal);
  return outcomes.status;
}

async function resumeAll(
  uploads: readonly UnfinishedUpload[],
  unfinished: readonly UnfinishedBatch[],
  { client, context, conduct }: ResumeParts,
): Promise<number> {
  const { output } = context;
  const entries = new Outcomes(uploads, context);
  const batches: Batch[] = [];
  let skipped = 0;
  for (const one of unfinished) {
    const batch = await client.batches.takeUp(one.id);
    if (batch !== "being-sent") batches.push(batch);
    else {
      skipped += one.files;
      output.say(`Skipped ${describe(one)}: another dync process is sending it`);
    }
  }
  const files = (filesIn(batches) ?? 0) + uploads.length + skipped;
  const outcomes = new BatchOutcomes({
    ...context,
    files,
    batches,
    noted: (job, outcome) => {
      if (!entries.has(job)) return;
      entries.note(job, outcome);
      if (outcome.outcome === "stored") settle(job as UnfinishedUpload, client);
    },
  });
  outcomes.skipped(skipped);
  return await sendParts({ uploads, batches }, outcomes, conduct, { client, context });
}

/** An upload of a batch that is not gone on with just now needs not be tried when that is. */
function settle({ batch }: UnfinishedUpload, client: Client): void {
  if (batch !== undefined) client.batches.settle(batch.id, batch.number);
}
