// The program `dync-server`: its commands.

import type { Program } from "../command.ts";
import { clientsCommand } from "./clients.ts";
import { configCheckCommand, configExampleCommand, configShowCommand } from "./config.ts";
import { serverKeygenCommand } from "./keygen.ts";
import { reloadCommand } from "./reload.ts";
import { runCommand } from "./run.ts";
import { serverUsage } from "./usage.ts";
import { configUsage } from "./usage-config.ts";

export const dyncServer: Program = {
  name: "dync-server",
  usage: serverUsage,
  commands: [
    runCommand,
    serverKeygenCommand,
    clientsCommand,
    configCheckCommand,
    configShowCommand,
    configExampleCommand,
    reloadCommand,
  ],
  groups: [{ name: "config", usage: configUsage }],
  defaultCommand: "run",
  endsAtHangup: false,
};
