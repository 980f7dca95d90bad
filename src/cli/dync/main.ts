// The program `dync`: its commands.

import type { Program } from "../command.ts";
import { keygenCommand } from "./keygen.ts";
import { sendCommand } from "./send.ts";
import { dyncUsage } from "./usage.ts";

export const dync: Program = {
  name: "dync",
  usage: dyncUsage,
  commands: [sendCommand, keygenCommand],
  defaultCommand: "send",
};
