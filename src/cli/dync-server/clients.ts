// `dync-server clients`: who may send.

import { join } from "node:path";
import type { Logger } from "../../base/log.ts";
import { AuthorizedClients } from "../../keys/authorized-clients.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { displayWidth } from "../display-width.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { givenOptions, readConfiguration } from "./configuration.ts";
import { clientsUsage } from "./usage.ts";

export const clientsCommand = defineCommand({
  name: "clients",
  usage: clientsUsage,
  options: {
    ...sharedOptions,
    config: { type: "string" },
    "trust-user-ids": { type: "boolean", isThreeWay: true },
    json: { type: "boolean" },
  },
  async run(values, { output, environment, clock }) {
    const { home, settings } = await readConfiguration(givenOptions(values, environment), environment);
    const folder = join(home, "clients");
    const authorized = await AuthorizedClients.load({
      folder,
      log: warningsTo(output),
      clock,
      trustsUserIds: settings.trustsUserIds,
    });
    const clients = authorized
      .list()
      .map(({ user, fingerprint, key, file }) => ({ user, fingerprint, publicKey: key, file }));
    clients.sort((left, right) => compareTexts(left.user, right.user) || compareTexts(left.file, right.file));
    output.summarise({ folder, clients });
    const columns = Math.max(0, ...clients.map(({ user }) => displayWidth(printable(user))));
    for (const { user, fingerprint, file } of clients) {
      const shown = printable(user);
      const from = file === `${user}.key` ? "" : `  ${printable(file)}`;
      output.result(`${shown}${" ".repeat(columns - displayWidth(shown))}  ${fingerprint}${from}`);
    }
    if (clients.length === 0) {
      output.say(
        `Nobody may send: there is no key in ${folder}. Put the key file of each user there, as USER.key`,
      );
    }
    return 0;
  },
});

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
