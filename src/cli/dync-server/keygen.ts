// `dync-server keygen`: keys of a server, and the folder for the keys of its clients.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DyncError, messageOf } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { keygenOptions, makeKeys } from "../keygen.ts";
import { printable } from "../printable.ts";
import { serverKeygenUsage } from "./usage.ts";

export const serverKeygenCommand = defineCommand({
  name: "keygen",
  usage: serverKeygenUsage,
  options: keygenOptions,
  async run(values, context) {
    const { folder, publicFile } = await makeKeys(values, context, "server");
    const clients = join(folder, "clients");
    try {
      await mkdir(clients, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new DyncError("configuration", `Cannot make folder "${clients}": ${messageOf(cause)}`, { cause });
    }
    context.output.summarise({ clientsFolder: clients });
    context.output.result(
      [
        "",
        "What to do next:",
        `  1. Give ${printable(publicFile)} to everybody who is to send files here:`,
        "     it goes into their ~/.dync/servers/ as HOST.key, HOST being this server's",
        "     name. Tell the fingerprint by another way, for example by telephone.",
        "  2. They send you their key files. Authorise each, under the name of the folder",
        "     that its files go to: dync-server clients add FILE --user USER",
        `     (which puts it into ${printable(clients)})`,
        `  3. Run the server with DYNC_HOME=${printable(folder)}:`,
        "     dync-server --data FOLDER",
      ].join("\n"),
    );
    return 0;
  },
});
