// The program `dync-server`: its commands.

import type { Program } from "../command.ts";
import { clientsCommand } from "./clients.ts";
import { serverKeygenCommand } from "./keygen.ts";
import { runCommand } from "./run.ts";
import { serverUsage } from "./usage.ts";

export const dyncServer: Program = {
  name: "dync-server",
  usage: serverUsage,
  commands: [runCommand, serverKeygenCommand, clientsCommand],
  defaultCommand: "run",
  endsAtHangup: false,
};
