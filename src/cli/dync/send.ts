// `dync [send]`: one job, or a batch of them, as the command line describes.

import type { Job } from "../../client/job.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { type Conduct, sendBatch } from "./batch.ts";
import { readAtOnce, readPriority, readRetry } from "./conduct.ts";
import { dryRun } from "./dry-run.ts";
import { isInputNull } from "./input-faults.ts";
import { asLive, readFollowed } from "./live-options.ts";
import { openClient } from "./open-client.ts";
import { reporterFor } from "./reporter.ts";
import { sendFaults } from "./send-faults.ts";
import { readJobs, readSending, type Sending } from "./send-jobs.ts";
import { readRateSource } from "./send-limit.ts";
import { type SendValues, sendOptions } from "./send-options.ts";
import { sendStdinJobs } from "./stdin-jobs.ts";
import { dyncUsage } from "./usage.ts";

export const sendCommand = defineCommand({
  name: "send",
  usage: dyncUsage,
  options: sendOptions,
  check: sendFaults,
  run: send,
});

async function send(values: SendValues, context: CommandContext): Promise<number> {
  const { output } = context;
  if (values.quiet) output.beQuiet();
  const sending = readSending(values, context);
  const sources = { options: values, profile: sending.profile };
  const [retry, atOnce] = [readRetry(sources), readAtOnce(sources)];
  const rate = readRateSource(values.limit, context, sending.profile);
  const how = { retry, rate, priority: readPriority(sources) };
  if (values["stdin-jobs"]) return await sendJobLines(sending, values, { ...how, atOnce }, context);
  const jobs = await readJobs(sending, values, context);
  if (values["dry-run"]) return await dryRun(jobs, sending.isBatch, context);
  const { "skip-identical": skipsIdentical } = values;
  if (sending.isBatch) {
    const { host: server, port } = sending.server;
    output.summarise({ server, port });
    return await sendBatch(jobs, { ...how, skipsIdentical, atOnce }, context);
  }
  const followed = await readFollowed(values);
  for (const job of jobs) {
    const sent = followed === null ? job : asLive(job, followed);
    await sendOne(sent, { ...how, skipsIdentical }, context);
  }
  return 0;
}

async function sendJobLines(
  { server, profile }: Sending,
  values: SendValues,
  how: Conduct,
  context: CommandContext,
): Promise<number> {
  context.output.summarise({ server: server.host, port: server.port });
  const conduct = { ...how, skipsIdentical: values["skip-identical"] };
  await using client = openClient(context, how);
  const fields = profile?.metadata ?? [];
  return await sendStdinJobs({ server, fields }, values, conduct, { client, context });
}

async function sendOne(
  job: Job,
  { retry, rate, ...how }: Omit<Conduct, "atOnce">,
  context: CommandContext,
): Promise<void> {
  const { output, signal } = context;
  output.summarise({ name: job.name, server: job.host, port: job.port });
  const isNothing = job.origin.kind === "input" && isInputNull();
  if (isNothing) {
    const hint = "is a program missing before the pipe, or a file behind SERVER?";
    output.warn(`Standard input is closed, or /dev/null: "${job.name}" will have 0 bytes`, hint);
  }
  const reporter = reporterFor<Job>(context, retry, {
    stored: ({ name, origin }, receipt) => {
      output.summarise({ ...receipt });
      if (origin.kind === "input" && receipt.bytes === 0 && !isNothing) warnOfEmptyInput(name, output);
    },
    failed: (_, error) => {
      throw error;
    },
  });
  await using client = openClient(context, { rate });
  await client.send([job], { ...retry, ...how }, reporter, signal);
}

/** A program before the pipe that failed looks the same; and nobody means to send nothing. */
function warnOfEmptyInput(name: string, output: CommandContext["output"]): void {
  const hint = "did the program before the pipe fail? --stdin-from-command finds out";
  output.warn(`Standard input was empty: "${name}" is stored with 0 bytes`, hint);
}
