// `dync-server clients [list | add | pending | approve | show | remove]`: who may send.

import { join, resolve } from "node:path";
import * as v from "valibot";
import { shownDeadline } from "../../base/deadline.ts";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import {
  type AddedClient,
  authorize,
  keysOf,
  type NewClient,
  readPublicKey,
  revoke,
  setExpiry,
  userNamedBy,
} from "../../keys/authorize.ts";
import { AuthorizedClients, type AuthorizedKey } from "../../keys/authorized-clients.ts";
import { PublicKey } from "../../keys/key.ts";
import { clientsFolder } from "../../keys/key-folder.ts";
import { sharedOptions } from "../args.ts";
import { inColumns } from "../columns.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { optionText, unwrap } from "../option-value.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import {
  expiryFaults,
  futureIn,
  newExpiryFaults,
  readDate,
  shownState,
  stateOf,
  toldExpiry,
} from "./client-expiry.ts";
import { readAsLetIn, readAsRemoved } from "./clients-read.ts";
import { givenOptions, readConfiguration } from "./configuration.ts";
import {
  clientsAddUsage,
  clientsApproveUsage,
  clientsExpireUsage,
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
      const { output, clock } = context;
      const { folder, clients } = await authorizedIn(values, context);
      const now = clock.date();
      output.summarise({ folder, clients: clients.map((key) => ({ ...told(key), ...stateOf(key, now) })) });
      const rows = clients.map((key) => [
        printable(key.user),
        key.fingerprint,
        [key.file === `${key.user}.key` ? "" : printable(key.file), shownState(key, now)]
          .filter((it) => it !== "")
          .join("  "),
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
  options: {
    ...options,
    user: { type: "string" },
    expires: { type: "string" },
    file: { type: "positional", required: true },
  },
  check: ({ values }) => ({ misread: null, others: expiryFaults(values.expires?.[0]) }),
  async run(values, context) {
    const { clock } = context;
    const { folder, clients: known } = await authorizedIn(values, context);
    const { user, expires, file: keyFile } = values;
    const expiresAt = expires === undefined ? null : futureIn(expires, clock.date());
    const path = resolve(keyFile);
    const publicKey = await readPublicKey(path);
    const named = user ?? userNamedBy(path);
    await letIn({ folder, publicKey, user: named, known, expiresAt, date: clock.date() }, context);
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
    expires: { type: "string" },
    fingerprint: { type: "positional", required: true },
  },
  check: ({ values }) => ({ misread: null, others: expiryFaults(values.expires?.[0]) }),
  async run(values, context) {
    const { clock } = context;
    const { fingerprint, user, expires } = values;
    const expiresAt = expires === undefined ? null : futureIn(expires, clock.date());
    const { folder, clients: known } = await authorizedIn(values, context);
    const there = known.find((it) => it.fingerprint === fingerprint);
    const found = (await pendingAt(context)).find((it) => it.fingerprint === fingerprint);
    const publicKey = PublicKey.parse(there?.key ?? found?.publicKey ?? "");
    if (publicKey === null || publicKey.fingerprint !== fingerprint) {
      throw new DyncError("configuration", `No key ${printable(fingerprint)} asked to be let in`, {
        hint: '"dync-server clients pending" lists those that did: the fingerprint has to be a whole one',
      });
    }
    await letIn({ folder, publicKey, user, known, expiresAt, date: clock.date() }, context);
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
async function pendingAt(context: CommandContext) {
  return (await ask(context, "clients pending", {}, pendingAnswer)).pending;
}

/** Adds a key, says so, and has the running server go by it. */
async function letIn(client: NewClient, context: CommandContext): Promise<void> {
  const added = await authorize(client);
  tellAdded(added, client.folder, context.output);
  await readAsLetIn([added], context);
}

function tellAdded(added: AddedClient, folder: string, output: Output): void {
  output.summarise({ folder, ...told(added), isNew: added.isNew });
  const { expiresAt } = added;
  const what = added.isNew ? "is authorised" : "was authorised already";
  const until = expiresAt === undefined ? "" : `, until ${shownDeadline(expiresAt)}`;
  output.result(printable(`The key ${added.fingerprint} of ${added.user} ${what} (${added.file})${until}`));
}

export const clientsExpireCommand = defineCommand({
  name: "clients expire",
  usage: clientsExpireUsage,
  options: {
    ...options,
    at: { type: "string" },
    never: { type: "boolean" },
    who: { type: "positional", required: true },
  },
  check: ({ values, switches }) => ({
    misread: null,
    others: newExpiryFaults(values.at?.[0], switches.includes("never")),
  }),
  async run(values, context) {
    const { output, clock } = context;
    const { folder, clients } = await authorizedIn(values, context);
    const expiresAt = values.at === undefined ? null : unwrap(readDate(values.at), optionText("at"));
    const changed = await setExpiry(folder, keysOf(values.who, clients), expiresAt);
    const now = clock.date();
    output.summarise({ folder, clients: changed.map((key) => ({ ...told(key), ...stateOf(key, now) })) });
    for (const key of changed) {
      const state = shownState(key, now) || "does not expire";
      output.result(printable(`The key ${key.fingerprint} of ${key.user} ${state} (${key.file})`));
    }
    await readAsLetIn(changed, context);
    return 0;
  },
});

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
    await readAsRemoved(removed, context);
    return 0;
  },
});

export const clientsShowCommand = defineCommand({
  name: "clients show",
  usage: clientsShowUsage,
  options: { ...options, who: { type: "positional", required: true } },
  async run(values, context) {
    const { output, clock } = context;
    const { folder, clients } = await authorizedIn(values, context);
    const meant = keysOf(values.who, clients);
    const now = clock.date();
    output.summarise({ folder, clients: meant.map((key) => ({ ...told(key), ...stateOf(key, now) })) });
    for (const client of meant) {
      const { user, fingerprint, key, file } = client;
      const expiry = client.expiresAt === undefined ? {} : { Validity: shownState(client, now) };
      const lines = {
        User: user,
        Fingerprint: fingerprint,
        "Public key": key,
        File: join(folder, file),
        ...expiry,
      };
      for (const [name, text] of Object.entries(lines))
        output.result(`${`${name}:`.padEnd(13)}${printable(text)}`);
    }
    return 0;
  },
});

/** The authorised keys, by user and file. */
async function authorizedIn(
  values: OptionValues<typeof options>,
  context: CommandContext,
): Promise<{ readonly folder: string; readonly clients: readonly AuthorizedKey[] }> {
  const { output, environment, clock } = context;
  const { home, settings } = await readConfiguration(givenOptions(values, context), environment);
  const folder = clientsFolder(home);
  const { trustsUserIds } = settings;
  const authorized = await AuthorizedClients.load({ folder, log: warningsTo(output), clock, trustsUserIds });
  const clients = authorized
    .list()
    .toSorted((left, right) => compareTexts(left.user, right.user) || compareTexts(left.file, right.file));
  return { folder, clients };
}

/** A key for programs. */
function told(key: AuthorizedKey) {
  const { user, fingerprint, key: publicKey, file } = key;
  return { user, fingerprint, publicKey, file, ...toldExpiry(key) };
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
