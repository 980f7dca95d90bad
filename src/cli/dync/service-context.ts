// What the commands on services have in common: which services there are, which one is meant, and what of the system runs them.

import { readdirSync, readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { resolve } from "node:path";
import { DyncError, systemCode } from "../../base/error.ts";
import { dyncHome } from "../../keys/key-files.ts";
import {
  filesOf,
  isServiceName,
  readDefinition,
  type ServiceDefinition,
  type ServiceFiles,
  serviceNameHint,
  servicesFolder,
} from "../../service/definition.ts";
import { toolRunner } from "../../service/manager/run-tool.ts";
import { systemManager, withRuntimeFolder } from "../../service/manager/system-manager.ts";
import type { ServiceManager } from "../../service/manager.ts";
import { lastRunOf, noteRun } from "../../service/run-lock.ts";
import type { Environment } from "../command.ts";
import { printable } from "../printable.ts";

export interface Service {
  readonly files: ServiceFiles;
  /** `null` where its file is damaged. */
  readonly definition: ServiceDefinition | null;
}

/** All services of this user, by name. */
export function installedServices(environment: Environment): readonly Service[] {
  const home = resolve(dyncHome(environment));
  return namesIn(servicesFolder(home)).map((name) => readService(filesOf(home, name)));
}

function namesIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((it) => it.endsWith(".json") && !it.endsWith(".run.json"));
    return names
      .map((it) => it.slice(0, -".json".length))
      .filter(isServiceName)
      .toSorted();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}

export function readService(files: ServiceFiles): Service {
  const text = readFileSync(files.definition, "utf8");
  return { files, definition: readDefinition(files.name, text) };
}

/** Ends it; that somebody asked for it is written down where it could not do so itself: its next start is none after a failure. */
export async function stopService(manager: ServiceManager, files: ServiceFiles): Promise<void> {
  await manager.stop(files);
  const last = lastRunOf(files);
  if (last?.isEnded === false) noteRun(files, { ...last, pausedUntil: null, isEnded: true });
}

/** The one that is named; without a name the only one. Throws `DyncError` ("usage"). */
export function chosenService(name: string | undefined, environment: Environment): Service {
  const all = installedServices(environment);
  const names = all.map(({ files }) => files.name).join(", ");
  const found = name === undefined && all.length === 1 ? all[0] : all.find((it) => it.files.name === name);
  if (found !== undefined) return found;
  if (all.length === 0)
    throw new DyncError("usage", "No service is installed here", {
      hint: 'install one: "dync service install SERVER DIR"',
    });
  if (name === undefined) throw new DyncError("usage", "NAME is missing", { hint: `there are ${names}` });
  throw new DyncError("usage", `There is no service "${printable(name)}"`, { hint: `there are ${names}` });
}

/** Throws `DyncError` ("usage"). */
export function readServiceName(text: string): string {
  if (isServiceName(text)) return text;
  throw new DyncError("usage", `"${printable(text)}" is no name for a service`, { hint: serviceNameHint });
}

/** What runs services here. Throws `DyncError` ("failed") where there is nothing. */
export function managerHere(environment: Environment): ServiceManager {
  const { username: name, uid } = userInfo();
  const home = environment.HOME || homedir();
  const variables = withRuntimeFolder(environment, uid);
  return systemManager(process.platform, {
    run: toolRunner(variables),
    dync: ownCommand(),
    environment: variables,
    user: { name, uid, home },
  });
}

// Where an executable has its own source: in no folder of the system, though it can be read.
const withinExecutable = /^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/i;

/** What starts this program: the executable, or a runtime with its arguments and the source. */
function ownCommand(): readonly [string, ...string[]] {
  const [, script] = process.argv;
  if (script === undefined || withinExecutable.test(script)) return [process.execPath];
  return [process.execPath, ...process.execArgv, resolve(script)];
}
