// `dync-server clients`: who may send.

import { join, resolve } from "node:path";
import { assert } from "../../base/assert.ts";
import type { Logger } from "../../base/log.ts";
import { AuthorizedClients } from "../../keys/authorized-clients.ts";
import { PublicKey } from "../../keys/key.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { displayWidth } from "../display-width.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { clientsUsage } from "./usage.ts";

export const clientsCommand = defineCommand({
  name: "clients",
  usage: clientsUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, { output, environment }) {
    const folder = join(resolve(dyncHome(environment)), "clients");
    const authorized = await AuthorizedClients.load(folder, warningsTo(output));
    const clients = authorized.list().map(({ user, key }) => {
      const publicKey = PublicKey.parse(key);
      assert(publicKey !== null, "an authorised key is a public key");
      return { user, fingerprint: publicKey.fingerprint, publicKey: key };
    });
    output.summarise({ folder, clients });
    const columns = Math.max(0, ...clients.map(({ user }) => displayWidth(printable(user))));
    for (const { user, fingerprint } of clients) {
      const shown = printable(user);
      output.result(`${shown}${" ".repeat(columns - displayWidth(shown))}  ${fingerprint}`);
    }
    if (clients.length === 0) {
      output.say(
        `Nobody may send: there is no key in ${folder}. Put the client.key of each user there, as USER.key`,
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
      // A reason names the file already.
      const detail = fields.reason ?? fields.file;
      output.warn(detail === undefined ? message : `${message}: ${detail}`);
    },
  };
}
