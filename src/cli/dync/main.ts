// The program `dync`: its commands.

import type { Program } from "../command.ts";
import { completionsCommand } from "../completions/command.ts";
import { dyncVariableNames } from "../own-variables.ts";
import { cancelCommand } from "./cancel.ts";
import { checkCommand } from "./check.ts";
import { doctorCommand } from "./doctor.ts";
import { freeCommand } from "./free.ts";
import { historyCommand } from "./history.ts";
import { joinCommand } from "./join.ts";
import { keygenCommand } from "./keygen.ts";
import { limitCommand } from "./limit.ts";
import { receiptsCommand, receiptsShowCommand } from "./receipts.ts";
import { resumeCommand } from "./resume.ts";
import { sendCommand } from "./send.ts";
import { serverNames, serversCommand } from "./servers.ts";
import { serviceStartCommand, serviceStopCommand, serviceUninstallCommand } from "./service-control.ts";
import { serviceInstallCommand } from "./service-install.ts";
import { serviceLogsCommand } from "./service-logs.ts";
import { serviceRunCommand } from "./service-run.ts";
import { serviceStatusCommand } from "./service-status.ts";
import { statusCommand } from "./status.ts";
import { trustCommand } from "./trust.ts";
import { uploadsCommand } from "./uploads.ts";
import { dyncUsage } from "./usage.ts";
import { serviceUsage } from "./usage-service.ts";
import { verifyReceiptCommand } from "./verify-receipt.ts";
import { watchCommand } from "./watch.ts";

export const dync: Program = {
  name: "dync",
  variables: dyncVariableNames,
  usage: dyncUsage,
  commands: [
    sendCommand,
    keygenCommand,
    trustCommand,
    joinCommand,
    serversCommand,
    statusCommand,
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
    serviceInstallCommand,
    serviceStartCommand,
    serviceStopCommand,
    serviceStatusCommand,
    serviceLogsCommand,
    serviceUninstallCommand,
    serviceRunCommand,
    completionsCommand(() => dync, "dync", serverNames),
  ],
  groups: [{ name: "service", usage: serviceUsage }],
  defaultCommand: "send",
  endsAtHangup: true,
};
