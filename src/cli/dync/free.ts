// `dync free [SERVER] DIR`: what of a folder may be deleted here since the server has it, proved now; and with `--delete` its end.

import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import type { Client } from "../../client/client.ts";
import { type SentEntry, sentBelow } from "../../client/free/sent-below.ts";
import { baseOf } from "../../client/free/way.ts";
import { sharedOptions } from "../args.ts";
import {
  type CommandContext,
  type CommandFaults,
  type CommandLine,
  defineCommand,
  type Environment,
  type OptionsDef,
  type OptionValues,
} from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { conductFaults, readRetry } from "./conduct.ts";
import { FreeFindings } from "./free-findings.ts";
import { openClient } from "./open-client.ts";
import { serverOptions } from "./send-options.ts";
import type { ServerOptions } from "./server-choice.ts";
import { serverOptionsIn, serverOptionsOf } from "./server-choice.ts";
import { readServerWords, type ServerWords } from "./server-words.ts";
import { freeUsage } from "./usage-free.ts";

const options = {
  ...sharedOptions,
  delete: { type: "boolean" },
  ...serverOptions,
  "retry-for": { type: "string" },
  quiet: { type: "boolean", alias: "q" },
  json: { type: "boolean" },
  server: { type: "positional", required: false, bytes: true },
  path: { type: "positional", required: false, repeat: true, bytes: true },
} as const satisfies OptionsDef;

type FreeValues = OptionValues<typeof options>;

export const freeCommand = defineCommand({
  name: "free",
  usage: freeUsage,
  options,
  check: freeFaults,
  run: free,
});

async function free(values: FreeValues, context: CommandContext): Promise<number> {
  const { output, environment, variables, signal } = context;
  if (values.quiet) output.beQuiet();
  const { server, profile, folder } = wordsOf(
    [values.server, ...values.path],
    serverOptionsOf(values, variables),
    environment,
  );
  const retry = readRetry({ options: values, profile });
  const base = await baseOf(folder);
  await using client: Client = openClient(context);
  const entries = await sentBelow(client.history.entries(), server, folder);
  const findings = new FreeFindings({ server, folder, entries, deletes: values.delete }, context);
  const where = { ...retry, server, base };
  try {
    for (const entry of entries) await freeOne(client, entry, where, findings, signal);
  } finally {
    findings.end();
  }
  return findings.status;
}

async function freeOne(
  client: Client,
  entry: SentEntry,
  where: Parameters<Client["prove"]>[1],
  findings: FreeFindings,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const view = findings.started(entry);
  try {
    const proof = await client.prove(entry, where, view.onRead, signal);
    if (proof.type !== "proved" || !findings.deletes) return view.found(proof);
    // Who stops the command now wants no more to be deleted.
    signal.throwIfAborted();
    view.removed(proof, await proof.remove());
  } catch (error) {
    view.failed();
    throw error;
  }
}

function freeFaults(line: CommandLine, environment: Environment): CommandFaults {
  const { values, positionals, isUncertain } = line;
  const wordFaults = (): unknown => wordsOf(positionals, serverOptionsIn(line), environment);
  return {
    misread: null,
    others: [...(isUncertain ? [] : faultsOf(wordFaults)), ...conductFaults(values)],
  };
}

interface Asked extends Omit<ServerWords, "paths"> {
  /** Absolute. */
  readonly folder: string;
}

function wordsOf(
  words: readonly (string | undefined)[],
  options: ServerOptions,
  environment: Environment,
): Asked {
  const { paths, ...chosen } = readServerWords(words, options, environment);
  const [folder, other] = paths;
  if (folder === undefined)
    throw new DyncError("usage", "DIR is missing", { hint: 'name a folder; run "dync free --help"' });
  if (other !== undefined)
    throw new DyncError("usage", `One folder is wanted, and "${printable(other)}" is a second one`, {
      hint: "give the command once for each",
    });
  return { ...chosen, folder: resolve(folder) };
}
