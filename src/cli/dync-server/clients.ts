// `dync-server clients [list | add | pending | approve | show | remove]`: who may send.

import { join, resolve } from "node:path";
import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { askServer } from "../../control/ask-server.ts";
import {
  type AddedClient,
  authorize,
  keysOf,
  readPublicKey,
  revoke,
  userNamedBy,
} from "../../keys/authorize.ts";
import { AuthorizedClients, type AuthorizedKey } from "../../keys/authorized-clients.ts";
import { PublicKey } from "../../keys/key.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { inColumns } from "../columns.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { givenOptions, readConfiguration } from "./configuration.ts";
import {
  clientsAddUsage,
  clientsApproveUsage,
  clientsPendingUsage,
  clientsRemoveUsage,
  clientsShowUsage,
  clientsUsage,
} from "./usage-clients.ts";

const options = {
  ...sharedOptions,
  config: { type: "string" },
  "trust-user-ids": { type: "boolean", isThreeWay: true },
  json: { type: "boolean" },
} as const satisfies OptionsDef;

const listCommand = (name: string) =>
  defineCommand({
    name,
    usage: clientsUsage,
    options,
    async run(values, context) {
      const { output } = context;
      const { folder, clients } = await authorizedIn(values, context);
      output.summarise({ folder, clients: clients.map(told) });
      const rows = clients.map(({ user, fingerprint, file }) => [
        printable(user),
        fingerprint,
        file === `${user}.key` ? "" : printable(file),
      ]);
      for (const line of inColumns(rows)) output.result(line);
      if (clients.length === 0) {
        output.say(
          `Nobody may send: there is no key in ${folder}. Add the key file of each user: dync-server clients add FILE`,
        );
      }
      return 0;
    },
  });

export const clientsCommand = listCommand("clients");
export const clientsListCommand = listCommand("clients list");

export const clientsAddCommand = defineCommand({
  name: "clients add",
  usage: clientsAddUsage,
  options: { ...options, user: { type: "string" }, file: { type: "positional", required: true } },
  async run(values, context) {
    const { output, clock } = context;
    const { folder, clients: known } = await authorizedIn(values, context);
    const { user, file: keyFile } = values;
    const path = resolve(keyFile);
    const publicKey = await readPublicKey(path);
    const named = user ?? userNamedBy(path);
    tellAdded(await authorize({ folder, publicKey, user: named, known, date: clock.date() }), folder, output);
    return 0;
  },
});

export const clientsPendingCommand = defineCommand({
  name: "clients pending",
  usage: clientsPendingUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output } = context;
    const pending = await pendingAt(context);
    output.summarise({ pending });
    for (const { fingerprint, address, times, lastAt } of pending) {
      const often = times === 1 ? "once" : `${times} times`;
      output.result(printable(`${fingerprint}  ${lastAt.slice(0, 19)}Z  ${address}, ${often}`));
    }
    if (pending.length === 0) output.say("No key was refused since the server started");
    return 0;
  },
});

export const clientsApproveCommand = defineCommand({
  name: "clients approve",
  usage: clientsApproveUsage,
  options: {
    ...options,
    user: { type: "string", required: true, missingHint: "say whose key it is" },
    fingerprint: { type: "positional", required: true },
  },
  async run(values, context) {
    const { output, clock } = context;
    const { fingerprint, user } = values;
    const { folder, clients: known } = await authorizedIn(values, context);
    const found = (await pendingAt(context)).find((it) => it.fingerprint === fingerprint);
    const publicKey = PublicKey.parse(found?.publicKey ?? "");
    if (publicKey === null || publicKey.fingerprint !== fingerprint) {
      throw new DyncError("configuration", `No key ${printable(fingerprint)} asked to be let in`, {
        hint: '"dync-server clients pending" lists those that did: the fingerprint has to be a whole one',
      });
    }
    tellAdded(await authorize({ folder, publicKey, user, known, date: clock.date() }), folder, output);
    return 0;
  },
});

const pendingAnswer = v.object({
  pending: v.array(
    v.object({
      ...{ fingerprint: v.string(), publicKey: v.string(), address: v.string(), times: v.number() },
      ...{ firstAt: v.string(), lastAt: v.string() },
    }),
  ),
});

/** What the running server says of keys that it refused. */
async function pendingAt({ environment, clock, signal }: CommandContext) {
  const home = resolve(dyncHome(environment));
  const command = "clients pending";
  return (await askServer({ home, command, answer: pendingAnswer, clock, signal })).pending;
}

function tellAdded(added: AddedClient, folder: string, output: Output): void {
  output.summarise({ folder, ...told(added), isNew: added.isNew });
  const what = added.isNew ? "is authorised" : "was authorised already";
  output.result(printable(`The key ${added.fingerprint} of ${added.user} ${what} (${added.file})`));
}

export const clientsRemoveCommand = defineCommand({
  name: "clients remove",
  usage: clientsRemoveUsage,
  options: { ...options, who: { type: "positional", required: true } },
  async run(values, context) {
    const { output } = context;
    const { folder, clients } = await authorizedIn(values, context);
    const removed = await revoke(folder, values.who, clients);
    output.summarise({ folder, removed: removed.map(told) });
    for (const { user, fingerprint, file } of removed)
      output.result(printable(`The key ${fingerprint} of ${user} is not authorised any more (${file})`));
    return 0;
  },
});

export const clientsShowCommand = defineCommand({
  name: "clients show",
  usage: clientsShowUsage,
  options: { ...options, who: { type: "positional", required: true } },
  async run(values, context) {
    const { output } = context;
    const { folder, clients } = await authorizedIn(values, context);
    const meant = keysOf(values.who, clients);
    output.summarise({ folder, clients: meant.map(told) });
    for (const { user, fingerprint, key, file } of meant) {
      const lines = { User: user, Fingerprint: fingerprint, "Public key": key, File: join(folder, file) };
      for (const [name, text] of Object.entries(lines))
        output.result(`${`${name}:`.padEnd(13)}${printable(text)}`);
    }
    return 0;
  },
});

/** The authorised keys, by user and file. */
async function authorizedIn(
  values: OptionValues<typeof options>,
  { output, environment, clock }: CommandContext,
): Promise<{ readonly folder: string; readonly clients: readonly AuthorizedKey[] }> {
  const { home, settings } = await readConfiguration(givenOptions(values, environment), environment);
  const folder = join(home, "clients");
  const { trustsUserIds } = settings;
  const authorized = await AuthorizedClients.load({ folder, log: warningsTo(output), clock, trustsUserIds });
  const clients = authorized
    .list()
    .toSorted((left, right) => compareTexts(left.user, right.user) || compareTexts(left.file, right.file));
  return { folder, clients };
}

/** A key for programs. */
function told({ user, fingerprint, key, file }: AuthorizedKey) {
  return { user, fingerprint, publicKey: key, file };
}

/** A key file that is no good is found while reading: its log line becomes a warning. */
function warningsTo(output: Output): Logger {
  return {
    log(level, message, fields = {}) {
      if (level !== "warn" && level !== "error") return;
      const { file, folder = file, reason } = fields;
      // Many a reason names the file already.
      const names = String(reason ?? "").includes(String(folder)) ? [] : [folder];
      output.warn([message, ...names, reason].filter((part) => part !== undefined).join(": "));
    },
  };
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
