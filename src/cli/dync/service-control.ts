// `dync service start`, `stop` and `uninstall`.

import { rmSync } from "node:fs";
import { logBounds, logFiles } from "../../service/log-rotation.ts";
import { sharedOptions } from "../args.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { chosenService, managerHere, type Service, stopService } from "./service-context.ts";
import { serviceStartUsage, serviceStopUsage, serviceUninstallUsage } from "./usage-service.ts";

const options = {
  ...sharedOptions,
  json: { type: "boolean" },
  name: { type: "positional", required: false },
} as const;

function controlCommand(
  what: string,
  usage: string,
  act: (service: Service, context: CommandContext) => Promise<string>,
): Command {
  return defineCommand({
    name: `service ${what}`,
    usage,
    options,
    async run({ name }, context) {
      const service = chosenService(name, context.environment);
      const said = await act(service, context);
      context.output.summarise({ name: service.files.name });
      context.output.result(said);
      return 0;
    },
  });
}

export const serviceStartCommand = controlCommand(
  "start",
  serviceStartUsage,
  async ({ files }, { environment }) => {
    await managerHere(environment).start(files);
    return `The service "${files.name}" is started`;
  },
);

export const serviceStopCommand = controlCommand(
  "stop",
  serviceStopUsage,
  async ({ files }, { environment }) => {
    const { name } = files;
    const manager = managerHere(environment);
    await stopService(manager, files);
    return `The service "${name}" is stopped until ${manager.startsStopped ? "the next login, or until " : ""}"dync service start ${name}"`;
  },
);

export const serviceUninstallCommand = controlCommand(
  "uninstall",
  serviceUninstallUsage,
  async ({ files }, { environment }) => {
    await managerHere(environment).uninstall(files);
    // The definition last: without it nobody could say again which one is meant.
    const all = [...logFiles(files.log, logBounds), files.runState, files.lock, files.definition];
    for (const file of all) rmSync(file, { force: true });
    return `The service "${files.name}" is gone; what it sent stays known, and is not sent again`;
  },
);
