// `dync join [SERVER]`: asks a server to let this user in, and tells by which fingerprint whoever looks after it knows the key.

import { type Clock, sleep } from "../../base/clock.ts";
import { DyncError, errorMeanings } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { CannotBeAsked } from "../../client/ask.ts";
import type { Client } from "../../client/client.ts";
import { parseDuration, writeDuration } from "../../config/duration.ts";
import { loadKeyPair } from "../../keys/key-files.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand, type OptionsDef } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap } from "../option-value.ts";
import { printable } from "../printable.ts";
import { readKnownServers } from "./known-servers.ts";
import { openClient } from "./open-client.ts";
import { serverOptions } from "./send-options.ts";
import { chosenServer, serverOptionsIn, serverOptionsOf } from "./server-choice.ts";
import { joinUsage } from "./usage-servers.ts";

const options = {
  ...sharedOptions,
  wait: { type: "string" },
  ...serverOptions,
  json: { type: "boolean" },
  server: { type: "positional", required: false },
} as const satisfies OptionsDef;

export const joinCommand = defineCommand({
  name: "join",
  usage: joinUsage,
  options,
  check: (line, environment) => ({
    misread: null,
    others: [
      ...faultsOf(() =>
        chosenServer(line.positionals[0] ?? null, serverOptionsIn(line), readKnownServers(environment)),
      ),
      ...faultsOf(() => waitMsOf(line.values.wait?.[0])),
    ],
  }),
  async run(values, context) {
    const { output, clock, signal, environment } = context;
    const known = readKnownServers(environment);
    const server = chosenServer(values.server ?? null, serverOptionsOf(values, context.variables), known);
    const waitMs = waitMsOf(values.wait);
    const address = printable(formatServerAddress(server));
    const { fingerprint } = (await loadKeyPair(known.home, "client")).publicKey;
    output.summarise({ server: server.host, port: server.port, fingerprint, isIn: false, user: null });
    await using client = openClient(context);
    let user = await ask(client, server, signal);
    if (user === undefined) {
      output.result(`The server ${address} was asked to let you in.\n\nYour fingerprint:  ${fingerprint}\n`);
      output.result("Read it to whoever looks after the server, who sees it there and lets you in.");
      if (waitMs > 0) output.say(`Waiting for that, for ${writeDuration(waitMs)} at most`);
      user = await waitUntilIn(() => ask(client, server, signal), { waitMs, clock, signal });
    }
    if (user === undefined) return errorMeanings["key-refused"].exit;
    output.summarise({ isIn: true, user });
    output.result(`The server ${address} lets you in${user === null ? "" : ` as ${printable(user)}`}`);
    return 0;
  },
});

function waitMsOf(text: string | undefined): number {
  return text === undefined ? 0 : unwrap(parseDuration(text), optionText("wait"));
}

/** As whom the server lets this key in; `null`: it does not say, `undefined`: it does not know the key. Throws `DyncError`. */
async function ask(
  client: Pick<Client, "serverState">,
  server: ServerChoice,
  signal: AbortSignal,
): Promise<string | null | undefined> {
  try {
    return (await client.serverState(server, signal)).user;
  } catch (error) {
    // An older or the original server answers, which it does to nobody whom it does not know.
    if (error instanceof CannotBeAsked) return null;
    if (error instanceof DyncError && error.code === "key-refused") return undefined;
    throw error;
  }
}

interface Waiting {
  readonly waitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

// Each time is one handshake, and a line in the server's log.
const pauseMs = 5_000;

/** Asks again and again. What passes, such as a server that starts anew, is waited for as well. */
async function waitUntilIn(
  again: () => Promise<string | null | undefined>,
  { waitMs, clock, signal }: Waiting,
): Promise<string | null | undefined> {
  const until = clock.now() + waitMs;
  while (clock.now() < until) {
    await sleep(clock, Math.min(pauseMs, until - clock.now()), signal);
    try {
      const user = await again();
      if (user !== undefined) return user;
    } catch (error) {
      if (!(error instanceof DyncError) || !error.meaning.retry || signal.aborted) throw error;
    }
  }
  return undefined;
}
