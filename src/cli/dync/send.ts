// `dync [send]`: reads what is to be sent where, checks it, and hands it to `send-file.ts`.

import { resolve } from "node:path";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { loadMetadata } from "../metadata-file.ts";
import { serverArgument } from "../server-argument.ts";
import { nameOnServer } from "./name-on-server.ts";
import { retryForMs } from "./patience-notes.ts";
import { sendFaults } from "./send-faults.ts";
import { sendOne } from "./send-one.ts";
import type { SendOptions } from "./send-options.ts";
import { dyncUsage } from "./usage.ts";

const options = {
  ...sharedOptions,
  meta: { type: "string", alias: "m", bytes: true },
  "key-value": { type: "string", alias: "k", repeat: true },
  name: { type: "string", alias: "n" },
  port: { type: "string", alias: "p" },
  "server-key": { type: "string" },
  "retry-for": { type: "string" },
  quiet: { type: "boolean", alias: "q" },
  json: { type: "boolean" },
  server: { type: "positional", required: true },
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
  const { output, environment } = context;
  if (values.quiet) output.beQuiet();
  const request = readSendOptions(values, environment);
  const { name, server } = request;
  output.summarise({ name, server: server.host, port: server.port });
  const receipt = await sendOne(request, context);
  output.summarise({ ...receipt });
  if (request.source.type === "stdin" && receipt.bytes === 0) warnOfEmptyInput(name, output);
  return 0;
}

/** A program before the pipe that failed looks the same; and nobody means to send nothing. */
function warnOfEmptyInput(name: string, output: CommandContext["output"]): void {
  const hint = "was it closed, /dev/null, or did the program before the pipe fail?";
  output.warn(`Standard input was empty: "${name}" is stored with 0 bytes`, hint);
}

/** The checked options behind the values of the command line, with which `sendFaults` found nothing wrong. */
function readSendOptions(
  values: OptionValues<typeof options>,
  environment: CommandContext["environment"],
): SendOptions {
  const server = serverArgument(values.server, values.port);
  const path = values.file === undefined || values.file === "-" ? null : values.file;
  const retryFor = values["retry-for"];
  return {
    server,
    // `dync resume` may be given elsewhere.
    serverKeyFile: values["server-key"] === undefined ? null : resolve(values["server-key"]),
    source: path === null ? { type: "stdin" } : { type: "file", path },
    name: nameOnServer(values.name, path),
    metadataText: loadMetadata(values.meta, values["key-value"]),
    retryForMs: retryForMs(retryFor),
    retryFirst: retryFor !== undefined,
    home: resolve(dyncHome(environment)),
  };
}
