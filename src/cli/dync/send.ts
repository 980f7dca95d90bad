// `dync [send]`: a batch of the one job that the command line describes.

import type { Job } from "../../client/file-upload.ts";
import { sharedOptions } from "../args.ts";
import {
  type CommandContext,
  defineCommand,
  type Environment,
  type OptionsDef,
  type OptionValues,
} from "../command.ts";
import { loadMetadata } from "../metadata-file.ts";
import { readKnownServers } from "./known-servers.ts";
import { nameOnServer } from "./name-on-server.ts";
import { openClient } from "./open-client.ts";
import { readRetry } from "./patience-notes.ts";
import { reporterFor } from "./reporter.ts";
import { isThere, sendFaults } from "./send-faults.ts";
import { chosenServer, tellApart } from "./server-choice.ts";
import { dyncUsage } from "./usage.ts";

const options = {
  ...sharedOptions,
  meta: { type: "string", alias: "m", bytes: true },
  "key-value": { type: "string", alias: "k", repeat: true },
  name: { type: "string", alias: "n" },
  unpack: { type: "boolean" },
  port: { type: "string", alias: "p" },
  "server-key": { type: "string" },
  "retry-for": { type: "string" },
  quiet: { type: "boolean", alias: "q" },
  json: { type: "boolean" },
  server: { type: "positional", required: false, bytes: true },
  file: { type: "positional", required: false, bytes: true },
} as const satisfies OptionsDef;

export const sendCommand = defineCommand({
  name: "send",
  usage: dyncUsage,
  options,
  check: sendFaults,
  run: send,
});

async function send(values: OptionValues<typeof options>, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  if (values.quiet) output.beQuiet();
  const job = readJob(values, context.environment);
  const retry = readRetry(values["retry-for"]);
  output.summarise({ name: job.name, server: job.host, port: job.port });
  const reporter = reporterFor<Job>(context, retry, {
    stored: ({ name, path }, receipt) => {
      output.summarise({ ...receipt });
      if (path === null && receipt.bytes === 0) warnOfEmptyInput(name, output);
    },
    failed: (_, error) => {
      throw error;
    },
  });
  await using client = openClient(context);
  await client.send([job], retry, reporter, signal);
  return 0;
}

/** A program before the pipe that failed looks the same; and nobody means to send nothing. */
function warnOfEmptyInput(name: string, output: CommandContext["output"]): void {
  const hint = "was it closed, /dev/null, or did the program before the pipe fail?";
  output.warn(`Standard input was empty: "${name}" is stored with 0 bytes`, hint);
}

/** The job behind the values of the command line, with which `sendFaults` found nothing wrong. */
function readJob(values: OptionValues<typeof options>, environment: Environment): Job {
  const words = [values.server, values.file].filter((it) => it !== undefined);
  const known = readKnownServers(environment);
  const { server, paths } = tellApart(words, known, isThere);
  const [file] = paths;
  const path = file === undefined || file === "-" ? null : file;
  return {
    ...chosenServer(server, { port: values.port, serverKey: values["server-key"] }, known),
    path,
    name: nameOnServer(values.name, path),
    metadataText: loadMetadata(values.meta, values["key-value"]),
    ...(values.unpack ? { unpack: "tar" as const } : {}),
  };
}
