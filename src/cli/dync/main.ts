// The program `dync`: its commands.

import type { Program } from "../command.ts";
import { completionsCommand } from "../completions/command.ts";
import { cancelCommand } from "./cancel.ts";
import { checkCommand } from "./check.ts";
import { doctorCommand } from "./doctor.ts";
import { freeCommand } from "./free.ts";
import { historyCommand } from "./history.ts";
import { keygenCommand } from "./keygen.ts";
import { limitCommand } from "./limit.ts";
import { receiptsCommand, receiptsShowCommand } from "./receipts.ts";
import { resumeCommand } from "./resume.ts";
import { sendCommand } from "./send.ts";
import { serverNames, serversCommand } from "./servers.ts";
import { trustCommand } from "./trust.ts";
import { uploadsCommand } from "./uploads.ts";
import { dyncUsage } from "./usage.ts";
import { verifyReceiptCommand } from "./verify-receipt.ts";
import { watchCommand } from "./watch.ts";

export const dync: Program = {
  name: "dync",
  usage: dyncUsage,
  commands: [
    sendCommand,
    keygenCommand,
    trustCommand,
    serversCommand,
    uploadsCommand,
    resumeCommand,
    cancelCommand,
    checkCommand,
    historyCommand,
    freeCommand,
    limitCommand,
    doctorCommand,
    watchCommand,
    receiptsCommand,
    receiptsShowCommand,
    verifyReceiptCommand,
    completionsCommand(() => dync, "dync", serverNames),
  ],
  defaultCommand: "send",
  endsAtHangup: true,
};
