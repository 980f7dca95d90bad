// The program `dync-server`: its commands.

import type { Program } from "../command.ts";
import { completionsCommand } from "../completions/command.ts";
import { alarmsListCommand, alarmsTryCommand } from "./alarms.ts";
import { auditShowCommand } from "./audit-show.ts";
import { auditVerifyCommand } from "./audit-verify.ts";
import { catalogueMigrateCommand } from "./catalogue.ts";
import { catalogueCopyCommand } from "./catalogue-copy.ts";
import {
  clientsAddCommand,
  clientsApproveCommand,
  clientsCommand,
  clientsExpireCommand,
  clientsListCommand,
  clientsPendingCommand,
  clientsRemoveCommand,
  clientsShowCommand,
} from "./clients.ts";
import { configCheckCommand, configExampleCommand, configShowCommand } from "./config.ts";
import { configImportCommand } from "./config-import.ts";
import { variableNames } from "./configuration.ts";
import { drainCommand } from "./drain.ts";
import { hooksDropCommand, hooksListCommand, hooksRetryCommand } from "./hooks.ts";
import { instrumentsCommand, instrumentsRemoveCommand } from "./instruments.ts";
import { serverKeygenCommand } from "./keygen.ts";
import { receiptsKeyCommand, receiptsRotateCommand } from "./receipts.ts";
import { reloadCommand } from "./reload.ts";
import { rulesTestCommand } from "./rules.ts";
import { runCommand } from "./run.ts";
import { serversCommand } from "./servers.ts";
import { storageCheckCommand } from "./storage.ts";
import { uploadsListCommand, uploadsShowCommand } from "./uploads.ts";
import { uploadsAmendCommand } from "./uploads-amend.ts";
import { uploadsCancelCommand, uploadsExpireCommand } from "./uploads-end.ts";
import { uploadsVerifyCommand } from "./uploads-verify.ts";
import { serverUsage } from "./usage.ts";
import { alarmsUsage } from "./usage-alarms.ts";
import { auditUsage } from "./usage-audit.ts";
import { catalogueUsage } from "./usage-catalogue.ts";
import { configUsage, rulesUsage } from "./usage-config.ts";
import { hooksUsage } from "./usage-hooks.ts";
import { receiptsUsage } from "./usage-receipts.ts";
import { storageUsage } from "./usage-storage.ts";
import { uploadsUsage } from "./usage-uploads.ts";
import { usersUsage } from "./usage-users.ts";
import { webUsage } from "./usage-web.ts";
import { usersListCommand, usersRecountCommand, usersShowCommand } from "./users.ts";
import { webLinkCommand } from "./web-link.ts";

export const dyncServer: Program = {
  name: "dync-server",
  variables: variableNames,
  usage: serverUsage,
  commands: [
    runCommand,
    serverKeygenCommand,
    clientsCommand,
    clientsListCommand,
    clientsAddCommand,
    clientsPendingCommand,
    clientsApproveCommand,
    clientsExpireCommand,
    clientsShowCommand,
    clientsRemoveCommand,
    configCheckCommand,
    configShowCommand,
    configExampleCommand,
    configImportCommand,
    catalogueMigrateCommand,
    catalogueCopyCommand,
    rulesTestCommand,
    reloadCommand,
    drainCommand,
    serversCommand,
    uploadsListCommand,
    uploadsShowCommand,
    uploadsVerifyCommand,
    hooksListCommand,
    hooksRetryCommand,
    hooksDropCommand,
    alarmsListCommand,
    alarmsTryCommand,
    uploadsAmendCommand,
    usersListCommand,
    usersShowCommand,
    usersRecountCommand,
    instrumentsCommand,
    instrumentsRemoveCommand,
    uploadsExpireCommand,
    uploadsCancelCommand,
    auditVerifyCommand,
    auditShowCommand,
    receiptsKeyCommand,
    receiptsRotateCommand,
    storageCheckCommand,
    webLinkCommand,
    completionsCommand(() => dyncServer, "dync-server", null),
  ],
  groups: [
    { name: "config", usage: configUsage },
    { name: "catalogue", usage: catalogueUsage },
    { name: "rules", usage: rulesUsage },
    { name: "uploads", usage: uploadsUsage },
    { name: "hooks", usage: hooksUsage },
    { name: "alarms", usage: alarmsUsage },
    { name: "users", usage: usersUsage },
    { name: "audit", usage: auditUsage },
    { name: "receipts", usage: receiptsUsage },
    { name: "storage", usage: storageUsage },
    { name: "web", usage: webUsage },
  ],
  defaultCommand: "run",
  endsAtHangup: false,
};
