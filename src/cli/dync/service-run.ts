// `dync service run FILE`: what the system starts. Watches as the definition in FILE says, and writes what is said into the log.

import { dirname, resolve } from "node:path";
import { type Clock, sleep } from "../../base/clock.ts";
import { DyncError, messageOf } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { filesOfDefinition, type ServiceDefinition, type ServiceFiles } from "../../service/definition.ts";
import { type RunState, restartPauseMs, startsInVain } from "../../service/restart-pause.ts";
import { RotatingLog } from "../../service/rotating-log.ts";
import { lastRunOf, lockRun, noteRun } from "../../service/run-lock.ts";
import { checkArguments, sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type Program } from "../command.ts";
import { Output } from "../output.ts";
import { dyncVariableNames } from "../own-variables.ts";
import { shellLine } from "../shell-words.ts";
import { version } from "../version.ts";
import { readService, type Service } from "./service-context.ts";
import { withDyncVariables } from "./service-words.ts";
import { serviceRunUsage } from "./usage-service.ts";
import { watchUsage } from "./usage-watch.ts";
import { watchCommand } from "./watch.ts";

/** For what is said of words that are wrong. */
const watchProgram: Program = {
  name: "dync",
  variables: dyncVariableNames,
  usage: watchUsage,
  commands: [watchCommand],
  defaultCommand: "send",
  endsAtHangup: true,
};

export const serviceRunCommand = defineCommand({
  name: "service run",
  usage: serviceRunUsage,
  options: { ...sharedOptions, file: { type: "positional", required: true } },
  async run({ file }, context) {
    const { files, definition } = readGiven(resolve(file));
    const { clock } = context;
    const log = new RotatingLog({ file: files.log, date: () => clock.date() });
    const output = new Output({
      program: "dync",
      json: false,
      stdout: log,
      stderr: log,
      clock,
      environment: {},
    });
    try {
      return await runLogged({ files, definition }, { ...context, output });
    } finally {
      await output.flush();
    }
  },
});

function readGiven(file: string): Service & { readonly definition: ServiceDefinition } {
  try {
    const { files, definition } = readService(filesOfDefinition(file));
    if (definition !== null) return { files, definition };
  } catch (error) {
    throw new DyncError("configuration", `Cannot read ${file}: ${whyUnreadable(error)}`, { cause: error });
  }
  const hint = '"dync service install" writes it';
  throw new DyncError("configuration", `${file} is no definition of a service`, { hint });
}

async function runLogged(
  { files, definition }: Service & { readonly definition: ServiceDefinition },
  context: CommandContext,
): Promise<number> {
  const { output, signal, clock } = context;
  // Where it lies is the DYNC_HOME that was meant.
  const said = withDyncVariables(context.environment, definition.variables);
  const environment = { ...said, DYNC_HOME: files.home };
  const start = new Start(files, clock);
  using lock = await lockRun(files, clock, signal);
  try {
    if (lock === null) throw isRunAlready(files);
    await start.begin(output, signal);
    output.say(`dync ${version} begins: ${shellLine(["dync", "watch", ...definition.words])}`);
    // A drive may be away, and a relative path is none here.
    process.chdir(dirname(files.definition));
    const { values, variables } = checkArguments(watchProgram, watchCommand, definition.words, {
      isNamed: true,
      environment,
    });
    return await watchCommand.run(values, { ...context, environment, variables });
  } catch (error) {
    if (signal.aborted) {
      output.say("Ended, as it was asked to");
      start.ended();
    } else if (error instanceof DyncError) output.error(error);
    else output.error(new DyncError("failed", `${messageOf(error)}; this is a bug in dync`));
    throw error;
  }
}

function isRunAlready({ name }: ServiceFiles): DyncError {
  const hint = `"dync service status ${name}" says since when; one is enough`;
  return new DyncError("failed", `Another process runs the service "${name}" already`, { hint });
}

/** What is written down of this start, for the next one and for `dync service status`. */
class Start {
  readonly #files: ServiceFiles;
  readonly #clock: Clock;
  #state: RunState | null = null;

  constructor(files: ServiceFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** Waits where the last starts were in vain. */
  async begin(output: Output, signal: AbortSignal): Promise<void> {
    const now = this.#clock.date().getTime();
    const last = lastRunOf(this.#files);
    const inVain = startsInVain(last, last === null ? 0 : now - new Date(last.startedAt).getTime());
    const pauseMs = restartPauseMs(inVain);
    const at = (ms: number): string => new Date(ms).toISOString();
    const begun = { pid: process.pid, startedAt: at(now), inVain, isEnded: false };
    this.#write({ ...begun, pausedUntil: pauseMs === 0 ? null : at(now + pauseMs) });
    if (pauseMs === 0) return;
    output.say(`It ended soon ${inVain} times: it begins in ${Math.round(pauseMs / 1000)} s`);
    await sleep(this.#clock, pauseMs, signal);
    this.#write({ ...begun, pausedUntil: null });
  }

  ended(): void {
    if (this.#state !== null) this.#write({ ...this.#state, isEnded: true });
  }

  #write(state: RunState): void {
    this.#state = state;
    try {
      noteRun(this.#files, state);
    } catch {
      // A disk that is full: it watches all the same.
    }
  }
}
