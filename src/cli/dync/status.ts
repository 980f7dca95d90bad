// `dync status [SERVER]`: how this user's uploads are on a server, or on all that are known here.

import { sleep } from "../../base/clock.ts";
import { DyncError, errorFields } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { forEachAtOnce } from "../../client/at-once.ts";
import type { Client } from "../../client/client.ts";
import { parseCount } from "../../config/count.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { cutOff, displayWidth } from "../display-width.ts";
import { optionText, unwrap } from "../option-value.ts";
import type { Output } from "../output.ts";
import { BlockDisplay } from "../terminal-display.ts";
import { type KnownServers, readKnownServers } from "./known-servers.ts";
import { openClient } from "./open-client.ts";
import { serverOptions } from "./send-options.ts";
import { chosenServer, serverOptionsIn, serverOptionsOf } from "./server-choice.ts";
import { knownChoices, type NamedChoice } from "./servers.ts";
import { expiryText, type ServerStatus, statusLines } from "./status-text.ts";
import { isBatch, isUpload, listUnfinished, type Unfinished } from "./unfinished.ts";
import { statusUsage } from "./usage-status.ts";

const options = {
  ...sharedOptions,
  last: { type: "string" },
  watch: { type: "boolean" },
  ...serverOptions,
  json: { type: "boolean" },
  server: { type: "positional", required: false },
} as const satisfies OptionsDef;

type StatusValues = OptionValues<typeof options>;

const lastDefault = 10;
const lastMax = 1000;
const atOnceMax = 8;
const everyMs = 2_000;

export const statusCommand = defineCommand({
  name: "status",
  usage: statusUsage,
  options,
  check: (line, environment) => ({
    misread: null,
    others: [
      ...faultsOf(() => readLast(line.values.last?.[0])),
      ...faultsOf(() => {
        const [server] = line.positionals;
        const known = readKnownServers(environment);
        const isOne = server !== undefined || line.values.port !== undefined;
        if (isOne) chosenServer(server ?? null, serverOptionsIn(line), known);
      }),
    ],
  }),
  run: status,
});

function readLast(text: string | undefined): number {
  return text === undefined ? lastDefault : unwrap(parseCount(text, 0, lastMax), optionText("last"));
}

async function status(values: StatusValues, context: CommandContext): Promise<number> {
  const { output, clock, signal, environment } = context;
  const known = readKnownServers(environment);
  const servers = await serversOf(values, context, known);
  if (servers.length === 0)
    throw new DyncError("usage", "No server is named, and none is known here", {
      hint: 'name one, or save the key of one: "dync trust SERVER FILE"',
    });
  const last = readLast(values.last);
  await using client = openClient(context);
  const ask = async (): Promise<readonly ServerStatus[]> =>
    await statusOfAll(client, servers, { last, output, signal });
  if (values.watch !== true) {
    const all = await ask();
    const only = all.length === 1 ? all[0]?.told : undefined;
    // Alone it is what ends the command.
    if (only instanceof DyncError) throw only;
    show(all, output, clock.date());
    for (const one of all) warnOfExpiry(one, output, clock.date());
    return ended(all, output);
  }
  return await watch(ask, context);
}

/** Shows it again and again; rejects when that is ended. */
async function watch(
  ask: () => Promise<readonly ServerStatus[]>,
  { output, clock, signal }: CommandContext,
): Promise<never> {
  const display = output.movesCursor && !output.json ? new BlockDisplay(output) : null;
  let shown: readonly ServerStatus[] = [];
  try {
    for (;;) {
      shown = await ask();
      ended(shown, output);
      if (display === null) show(shown, output, clock.date());
      else draw(shown, display, clock.date());
      await sleep(clock, everyMs, signal);
    }
  } finally {
    // What was seen last stays, all of it.
    if (display?.erase() === true) show(shown, output, clock.date());
  }
}

/** Those that are asked: the one that is named, or all that are known. */
async function serversOf(
  values: StatusValues,
  { variables }: CommandContext,
  known: KnownServers,
): Promise<readonly NamedChoice[]> {
  const all = await knownChoices(known);
  const given = serverOptionsOf(values, variables);
  const isOne = values.server !== undefined || values["server-key"] !== undefined || given.port !== undefined;
  if (!isOne) return all;
  const choice = chosenServer(values.server ?? null, given, known);
  const name = values.server !== undefined && known.named.has(values.server) ? values.server : null;
  return [{ ...choice, name, isDefault: values.server === undefined }];
}

/** Of each server what it tells, or why it does not. Rejects with the reason of `signal` alone. */
async function statusOfAll(
  client: Client,
  servers: readonly NamedChoice[],
  { last, output, signal }: { readonly last: number; readonly output: Output; readonly signal: AbortSignal },
): Promise<readonly ServerStatus[]> {
  const here = await listUnfinished(client, output);
  const all: ServerStatus[] = [];
  const askOne = async ([server, at]: readonly [NamedChoice, number]): Promise<void> => {
    const told = await client.userStatus(server, last, signal).catch((error: unknown) => {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      return error;
    });
    all[at] = { server, told, ...countsOf(here, server) };
  };
  const numbered = servers.map((server, at) => [server, at] as const);
  await forEachAtOnce(numbered, atOnceMax, askOne, signal);
  return all;
}

function countsOf(
  here: readonly Unfinished[],
  { host, port }: NamedChoice,
): Pick<ServerStatus, "uploadsHere" | "batchesHere"> {
  const isFor = (it: { readonly host: string; readonly port: number }) =>
    it.host === host && it.port === port;
  return {
    uploadsHere: here.filter(isUpload).filter(isFor).length,
    batchesHere: here.filter(isBatch).filter(({ first }) => isFor(first)).length,
  };
}

function show(all: readonly ServerStatus[], output: Output, now: Date): void {
  for (const one of all) output.record("server-status", toldOf(one));
  output.result(all.map((one) => statusLines(one, now).join("\n")).join("\n\n"));
}

function draw(all: readonly ServerStatus[], display: BlockDisplay, now: Date): void {
  const lines = all.flatMap((one, at) => [...(at === 0 ? [] : [""]), ...statusLines(one, now)]);
  const { linesMax, columns } = display;
  const hidden = lines.length - linesMax;
  const shown = hidden > 0 ? [...lines.slice(0, linesMax - 1), `… ${hidden + 1} more lines`] : lines;
  display.draw(
    shown.map((line) => {
      const text = cutOff(line, columns);
      return { text, width: displayWidth(text) };
    }),
  );
}

function warnOfExpiry({ server, told }: ServerStatus, output: Output, now: Date): void {
  const text = told instanceof DyncError ? null : expiryText(told.account, now);
  if (text === null) return;
  const whose = `The key by which ${formatServerAddress(server)} knows you`;
  output.warn(`${whose} is ${text}`, "ask the administrator of the server to renew it");
}

/** The exit status: that of the first that did not tell. */
function ended(all: readonly ServerStatus[], output: Output): number {
  const failed = all.flatMap(({ told }) => (told instanceof DyncError ? [told] : []));
  output.summarise({ servers: all.length, silent: failed.length });
  return failed[0]?.meaning.exit ?? 0;
}

function toldOf({ server, told, uploadsHere, batchesHere }: ServerStatus) {
  const { name, host, port } = server;
  const about = { name, host, port, uploadsHere, batchesHere };
  if (told instanceof DyncError) return { ...about, error: errorFields(told) };
  const { user, time, account, running, waiting, stored, refused } = told;
  const lists = { running, waiting, stored, refused };
  const more = Object.entries(lists).flatMap(([list, it]) => (it.more ? [list] : []));
  return {
    ...{ ...about, user, time, account, more },
    ...{ running: running.rows, waiting: waiting.rows, stored: stored.rows, refused: refused.rows },
  };
}
