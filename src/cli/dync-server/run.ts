// `dync-server [run]`: reads and checks how the server is to run, and hands it to `serve.ts`.

import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { exitInterrupted, Interruption } from "../interruption.ts";
import { isJournal } from "../journal.ts";
import { type Log, openLog } from "../log.ts";
import { unknownMeant } from "../variables.ts";
import { configurationOptions, givenOptions, optionFaults, readConfiguration } from "./configuration.ts";
import { Profiling } from "./profiling.ts";
import { RunningConfiguration } from "./running-configuration.ts";
import { startError } from "./start-error.ts";
import { serverUsage } from "./usage.ts";

const options: OptionsDef = { ...sharedOptions, ...configurationOptions };

const logFlushMs = 2000;

export const runCommand = defineCommand({
  name: "run",
  usage: serverUsage,
  options,
  logsWarnings: true,
  check: (line) => ({ misread: null, others: optionFaults(line) }),
  run: runServer,
});

async function runServer(values: OptionValues<OptionsDef>, context: CommandContext): Promise<number> {
  const { clock, signal, environment } = context;
  const given = givenOptions(values, context);
  const first = await readConfiguration(given, environment);
  const configuration = new RunningConfiguration(first, (texts) =>
    readConfiguration(given, environment, texts),
  );
  const { settings } = configuration;
  await using log = openLog({
    stream: process.stderr,
    clock,
    isJournal: isJournal(process.stderr.fd, environment),
    get format() {
      return settings.logFormat;
    },
    get file() {
      return settings.logFile;
    },
    get level() {
      return settings.logLevel;
    },
  });
  await openLogFile(log);
  // The network code comes in only here: --help and usage errors need none of it.
  const { serve } = await import("./serve.ts");
  for (const warning of [...first.warnings, ...unknownMeant(context.variablesFound)])
    log.logger.log("warn", warning);
  const hangups = listenForHangups(log.logger);
  try {
    await using _ = await Profiling.of(settings, { clock, logger: log.logger, signal });
    await serve(configuration, { logger: log.logger, clock, hangups, reopenLog: log.reopen, signal });
  } catch (error) {
    throw startError(error);
  } finally {
    await log.flush(logFlushMs);
  }
  return stopStatus(signal.reason);
}

/** What may pass, such as a disk that is full, keeps no server from its work: each line tries again, and the first one tells. */
async function openLogFile(log: Log): Promise<void> {
  try {
    await log.reopen();
  } catch (error) {
    if (!(error instanceof DyncError) || error.code !== "unavailable") throw error;
  }
}

// What every daemon takes for "read again" must not end this one, nor may a terminal that closes. Windows says so when a
// console closes, and ends the program whatever it does.
function listenForHangups(logger: Logger): EventTarget {
  const hangups = new EventTarget();
  if (process.platform === "win32") return hangups;
  process.on("SIGHUP", () => {
    logger.log("info", "SIGHUP: reading the configuration and the keys again", {});
    hangups.dispatchEvent(new Event("hangup"));
  });
  return hangups;
}

// To be stopped by SIGTERM is how a server's work ends. Ctrl-C also ends the loop or script that it was started from, which
// the shell does when it sees that the server ended by it. Windows tells nobody how a program ended.
function stopStatus(reason: unknown): number {
  const isCtrlC = reason instanceof Interruption && reason.signal === "SIGINT";
  return isCtrlC && process.platform !== "win32" ? exitInterrupted : 0;
}
