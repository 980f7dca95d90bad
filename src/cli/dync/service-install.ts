// `dync service install SERVER DIR`: a watched folder in the background, from now on and at each login.

import { mkdirSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DyncError, messageOf } from "../../base/error.ts";
import { placeOf } from "../../base/path-place.ts";
import { replaceFile } from "../../base/replace-file.ts";
import { dyncHome } from "../../keys/key-files.ts";
import {
  definitionText,
  filesOf,
  type ServiceDefinition,
  type ServiceFiles,
  serviceNameFor,
} from "../../service/definition.ts";
import type { ServiceManager, SystemFile } from "../../service/manager.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { serverOptionsOf } from "./server-choice.ts";
import { installedServices, managerHere, readServiceName, stopService } from "./service-context.ts";
import { dyncVariables, serviceFaults, serviceOptions, serviceWords } from "./service-words.ts";
import { serviceInstallUsage } from "./usage-service.ts";
import { readWatched, watchFaults } from "./watch-options.ts";
import { expectLive, instrumentFor } from "./watch-profiles.ts";

export const serviceInstallCommand = defineCommand({
  name: "service install",
  usage: serviceInstallUsage,
  options: { name: { type: "string" }, print: { type: "boolean" }, ...serviceOptions },
  check(line, environment) {
    const { misread, others } = watchFaults(line, environment);
    const name = line.values.name?.[0];
    const own = [
      ...faultsOf(() => name !== undefined && readServiceName(name)),
      ...serviceFaults(line.values),
    ];
    return { misread, others: [...own, ...others] };
  },
  async run({ name, print, ...values }, context) {
    const { environment, clock } = context;
    const words = serviceWords(values, context);
    const server = serverOptionsOf(values, context.variables);
    const watched = readWatched([values.server, values.dir], server, environment);
    const instrument = await instrumentFor(values, watched.profile, resolve(dyncHome(environment)));
    if (values.live) expectLive(instrument);
    const definition = {
      ...words,
      name: name ?? serviceNameFor(words.folder),
      variables: dyncVariables(environment),
      installedAt: clock.date().toISOString(),
    };
    refuseDouble(definition, context);
    const files = filesOf(resolve(dyncHome(environment)), definition.name);
    const manager = managerHere(environment);
    const own = { path: files.definition, text: definitionText(definition) };
    const file = manager.fileFor(definition, files);
    if (print) return printFiles([own, file], context);
    return await install(definition, [own, file], manager, files, context);
  },
});

/** One service for a folder, and one folder for a service. */
function refuseDouble({ name, folder }: ServiceDefinition, { environment }: CommandContext): void {
  for (const { files, definition } of installedServices(environment)) {
    if (definition === null) continue;
    // On Windows "Runs" and "runs" have the same files.
    const isNamedSo = placeOf(files.name) === placeOf(name);
    if (isNamedSo === (placeOf(definition.folder) === placeOf(folder))) continue;
    const message = isNamedSo
      ? `The service "${name}" watches another folder: "${printable(definition.folder)}"`
      : `The service "${files.name}" watches "${printable(folder)}" already`;
    const hint = isNamedSo
      ? "give this one another --name"
      : `"dync service uninstall ${files.name}" takes it away`;
    throw new DyncError("usage", message, { hint });
  }
}

function printFiles(files: readonly SystemFile[], { output }: CommandContext): number {
  output.summarise({ files });
  output.result(files.map(({ path, text }) => `# ${printable(path)}\n${text}`).join("\n"));
  return 0;
}

async function install(
  { name, folder, server }: ServiceDefinition,
  [own, file]: readonly [SystemFile, SystemFile],
  manager: ServiceManager,
  files: ServiceFiles,
  { output }: CommandContext,
): Promise<number> {
  const before = await manager.state(files);
  if (before.isRunning) await stopService(manager, files);
  writeWhole(own);
  try {
    await manager.install(file, name);
  } catch (error) {
    // What the system does not take is no service.
    if (!before.isInstalled) for (const { path } of [own, file]) rmSync(path, { force: true });
    throw error;
  }
  await manager.start(files);
  const note = manager.runsOnlyAtLogin;
  output.summarise({ name, server, folder, file: file.path, runsAtLoginOnly: note !== null });
  output.result(
    [
      `The service "${name}" sends what is complete in "${printable(folder)}" to ${printable(server)}`,
      `Status:  dync service status ${name}`,
      `Log:     dync service logs ${name}`,
    ].join("\n"),
  );
  if (note !== null) {
    output.say(note.text);
    output.say(note.hint);
  }
  return 0;
}

function writeWhole({ path, text }: SystemFile): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    replaceFile(path, text);
  } catch (cause) {
    throw new DyncError("configuration", `Cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}
