// `dync [send]`: reads what is to be sent where, checks it, and hands it to `send-file.ts`.

import { basename, resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { parseDuration } from "../duration.ts";
import { loadMetadata } from "../metadata-file.ts";
import { printable } from "../printable.ts";
import { parseServerAddress } from "../server-address.ts";
import { sendOne } from "./send-one.ts";
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
export const retryForDefault = "24h";

export const sendCommand = defineCommand({ name: "send", usage: dyncUsage, options, run: send });

async function send(values: OptionValues<typeof options>, context: CommandContext): Promise<number> {
  const { output, environment } = context;
  if (values.quiet) output.beQuiet();
  const request = readSendOptions(values, environment, process.stdin.isTTY === true);
  const { name, server } = request;
  output.summarise({ name, server: server.host, port: server.port });
  output.summarise({ ...(await sendOne(request, context)) });
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
  if (path === null && values.meta === "-") {
    throw new DyncError("usage", "Metadata and data cannot both come from standard input", {
      hint: "name a file after SERVER, or one after -m",
    });
  }
  const retryFor = values["retry-for"];
  return {
    server,
    serverKeyFile: values["server-key"] ?? null,
    source: path === null ? { type: "stdin" } : { type: "file", path },
    name: nameOnServer(values.name, path),
    metadataText: loadMetadata(values.meta, values["key-value"]),
    retryForMs: parseDuration(retryFor ?? retryForDefault, "--retry-for"),
    retryFirst: retryFor !== undefined,
    home: resolve(dyncHome(environment)),
  };
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
