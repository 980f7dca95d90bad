// `dync service status`: whether services run, since when, and what they say of themselves.

import { localTime } from "../../base/local-time.ts";
import type { ServiceManager, ServiceState } from "../../service/manager.ts";
import type { RunState } from "../../service/restart-pause.ts";
import { lastRunOf } from "../../service/run-lock.ts";
import { watchFolderOf } from "../../watch/folder/sent-memory.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand, type Environment } from "../command.ts";
import { printable } from "../printable.ts";
import { chosenService, installedServices, managerHere, type Service } from "./service-context.ts";
import { lastLines } from "./service-logs.ts";
import { serviceStatusUsage } from "./usage-service.ts";
import { alsoText } from "./watch-also.ts";
import { readWatchState, type WatchState } from "./watch-status.ts";

/** At least one of those that were asked about does not run. */
const exitNotRunning = 3;

interface Seen extends Service {
  readonly state: ServiceState;
  readonly run: RunState | null;
  /** The last line of its log. */
  readonly saidLast: string | null;
  /** What the watcher says of itself. */
  readonly watched: WatchState | null;
}

export const serviceStatusCommand = defineCommand({
  name: "service status",
  usage: serviceStatusUsage,
  options: {
    ...sharedOptions,
    json: { type: "boolean" },
    name: { type: "positional", required: false },
  },
  async run({ name }, { output, environment }) {
    const services = asked(name, environment);
    if (services.length === 0) {
      output.summarise({ services: [] });
      output.say('No service is installed here: "dync service install SERVER DIR" makes one');
      return 0;
    }
    const manager = managerHere(environment);
    const seen: Seen[] = [];
    for (const service of services) {
      const state = await manager.state(service.files);
      seen.push({
        ...service,
        state,
        run: lastRunOf(service.files),
        saidLast: saidLast(service),
        watched: readWatched(service),
      });
    }
    const note = manager.runsOnlyAtLogin;
    output.summarise({ services: seen.map(told), runsAtLoginOnly: note !== null });
    output.result(seen.map((it) => linesOf(it, manager).map(printable).join("\n")).join("\n\n"));
    if (note !== null) output.say(`${note.text}; ${note.hint}`);
    return seen.every(({ state }) => state.isRunning) ? 0 : exitNotRunning;
  },
});

function asked(name: string | undefined, environment: Environment): readonly Service[] {
  return name === undefined ? installedServices(environment) : [chosenService(name, environment)];
}

/** What the watcher of its folder wrote last. */
function readWatched({ files, definition }: Service): WatchState | null {
  return definition === null ? null : readWatchState(watchFolderOf(files.home, definition.folder));
}

function saidLast({ files }: Service): string | null {
  return lastLines(files.log, 1).last.at(-1) ?? null;
}

function told({ files, definition, state, run, saidLast, watched }: Seen) {
  const since = sinceWhen(state, run);
  return {
    name: files.name,
    ...(definition === null ? {} : { server: definition.server, folder: definition.folder }),
    isInstalled: state.isInstalled,
    isEnabled: state.isEnabled,
    isRunning: state.isRunning,
    ...(state.pid === null ? {} : { pid: state.pid }),
    ...(since === null ? {} : { since }),
    ...(run === null ? {} : { startsInVain: run.inVain }),
    ...(run?.pausedUntil && state.isRunning ? { pausedUntil: run.pausedUntil } : {}),
    detail: state.detail,
    ...(saidLast === null ? {} : { saidLast }),
    ...(watched === null || !state.isRunning ? {} : toldOfWatched(watched)),
    log: files.log,
  };
}

function sinceWhen({ isRunning }: ServiceState, run: RunState | null): string | null {
  return isRunning && run !== null ? run.startedAt : null;
}

function toldOfWatched({ entries, waiting, reasons, lacking, also, lastTrouble }: WatchState) {
  const more = { ...(lacking.length === 0 ? {} : { lacking }), ...(also.length === 0 ? {} : { also }) };
  return { entries, waiting, reasons, ...more, ...(lastTrouble === null ? {} : { lastTrouble }) };
}

/** What it waits for, in a line, and what needed a person last. */
function watchedLines({
  entries,
  waiting,
  reasons,
  lacking,
  also,
  lastTrouble,
}: WatchState): readonly string[] {
  const each = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  const waits = waiting === 0 ? "nothing" : `${waiting} of ${entries} entries: ${each.join(", ")}`;
  const trouble =
    lastTrouble === null ? [] : [`  Trouble:    ${localTime(lastTrouble.at)} ${lastTrouble.text}`];
  const lacks = lacking.map(
    ({ path, fields }) => `  Lacks:      ${path}: ${fields.join(", ") || "all metadata"}`,
  );
  const along = also.map((it) => `  Also:       ${alsoText(it)}`);
  return [`  Waits for:  ${waits}`, ...lacks, ...along, ...trouble];
}

function linesOf(
  { files, definition, state, run, saidLast, watched }: Seen,
  { kind }: ServiceManager,
): readonly string[] {
  const { name, log } = files;
  const folder = definition === null ? `${files.definition} is damaged: install it anew` : definition.folder;
  return [
    name,
    `  Folder:     ${folder}`,
    ...(definition === null ? [] : [`  Server:     ${definition.server}`]),
    `  State:      ${stateText(state, run)}`,
    `  At login:   ${loginText(state, kind)}`,
    ...(watched === null || !state.isRunning ? [] : watchedLines(watched)),
    ...(saidLast === null ? [] : [`  Said last:  ${saidLast}`]),
    `  Log:        ${log}`,
  ];
}

function stateText({ isRunning, pid, detail, isInstalled }: ServiceState, run: RunState | null): string {
  if (!isInstalled) return "not installed: the system's own file is gone; install it anew";
  if (!isRunning) return `does not run: ${detail}`;
  const since = run === null ? "" : ` since ${localTime(run.startedAt)}`;
  const process = pid === null ? "" : `, process ${pid}`;
  if (!run?.pausedUntil) return `runs${since}${process}`;
  return `waits until ${localTime(run.pausedUntil)}, since it ended soon ${run.inVain} times${process}`;
}

function loginText({ isEnabled, isInstalled }: ServiceState, kind: ServiceManager["kind"]): string {
  return isEnabled && isInstalled ? `${kind} starts it` : "it is not started";
}
