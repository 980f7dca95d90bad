// `dync [send]`: reads what is to be sent where, checks it, and hands it to `send-file.ts`.

import { basename, resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import { loadMetadata } from "../metadata-file.ts";
import { printable } from "../printable.ts";
import { openProgress } from "../progress.ts";
import { parseServerAddress } from "../server-address.ts";
import { formatSize } from "../size.ts";
import type { SendOptions } from "./send-options.ts";
import { dyncUsage } from "./usage.ts";

const options = {
  ...sharedOptions,
  meta: { type: "string", alias: "m" },
  "key-value": { type: "string", alias: "k", repeat: true },
  name: { type: "string", alias: "n" },
  port: { type: "string", alias: "p" },
  "server-key": { type: "string" },
  "retry-for": { type: "string" },
  quiet: { type: "boolean", alias: "q" },
  json: { type: "boolean" },
  server: { type: "positional", required: true },
  file: { type: "positional", required: false },
} as const satisfies OptionsDef;

// A night and a working day: a cut in the evening is mended by somebody in the morning.
const retryForDefault = "24h";

export const sendCommand = defineCommand({ name: "send", usage: dyncUsage, options, run: send });

async function send(values: OptionValues<typeof options>, context: CommandContext): Promise<number> {
  const { output, clock, signal } = context;
  if (values.quiet) output.beQuiet();
  const request = readSendOptions(values, context.environment, process.stdin.isTTY === true);
  const { name, server } = request;
  output.summarise({ name, server: server.host, port: server.port });
  // The network code comes in only here: --help and usage errors need none of it.
  const { sendFile } = await import("./send-file.ts");
  const startedAt = clock.now();
  const progress = openProgress({ name, output, clock });
  const receipt = await sendFile(request, { progress, output, clock }, signal).finally(() => progress.end());
  const elapsedMs = clock.now() - startedAt;
  output.summarise({ ...receipt, seconds: elapsedMs / 1000 });
  const rate = formatSize((receipt.bytes * 1000) / Math.max(elapsedMs, 1));
  output.say(`Stored "${name}": ${formatSize(receipt.bytes)} in ${elapsedText(elapsedMs)}, ${rate}/s`);
  // Two streams, one terminal: what happened is to be read before the checksum.
  await output.flush();
  // The line that `sha256sum -c` reads.
  if (!output.isQuiet) output.result(`${receipt.sha256}  ${printable(name)}`);
  return 0;
}

/** The checked options behind the values of the command line. Throws `DyncError` ("usage"). */
export function readSendOptions(
  values: OptionValues<typeof options>,
  environment: CommandContext["environment"],
  isStdinTerminal: boolean,
): SendOptions {
  const server = parseServerAddress(values.server, values.port);
  const path = values.file === undefined || values.file === "-" ? null : values.file;
  if (values.file === undefined && isStdinTerminal) {
    throw new DyncError("usage", "FILE is missing", {
      hint: 'name a file after SERVER, or pipe the data in; run "dync --help" for examples',
    });
  }
  const retryFor = values["retry-for"];
  return {
    server,
    serverKeyFile: values["server-key"] ?? null,
    source: path === null ? { type: "stdin" } : { type: "file", path },
    name: nameOnServer(values.name, path),
    metadata: loadMetadata(values.meta, values["key-value"]),
    retryForMs: parseDuration(retryFor ?? retryForDefault, "--retry-for"),
    retryFirst: retryFor !== undefined,
    home: resolve(dyncHome(environment)),
  };
}

/** Short uploads are measured, long ones counted. */
function elapsedText(elapsedMs: number): string {
  return elapsedMs < 10_000 ? `${(elapsedMs / 1000).toFixed(1)} s` : formatDuration(elapsedMs);
}

/** Only the last part of a path goes out: where a file lay at home is nobody's business. */
function nameOnServer(chosen: string | undefined, path: string | null): string {
  const given = chosen ?? path;
  if (given === null) {
    throw new DyncError("usage", "The data comes from standard input and has no name", {
      hint: "give it one with -n NAME",
    });
  }
  const name = basename(given);
  if (name !== "" && name !== "." && name !== "..") return name;
  throw new DyncError("usage", `"${printable(given)}" is no name of a file`, {
    hint: "give one with -n NAME",
  });
}
