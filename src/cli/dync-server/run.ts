// `dync-server [run]`: reads and checks how the server is to run, and hands it to `serve.ts`.

import { resolve } from "node:path";
import { assert } from "../../base/assert.ts";
import type { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { readServerSettings, serverSettings } from "../../config/server-settings.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import {
  type CommandContext,
  type CommandLine,
  defineCommand,
  type OptionsDef,
  type OptionValues,
} from "../command.ts";
import { exitInterrupted, Interruption } from "../interruption.ts";
import { openLog } from "../log.ts";
import { optionText, usageError } from "../option-value.ts";
import type { ServeOptions } from "./serve.ts";
import { startError } from "./start-error.ts";
import { serverUsage } from "./usage.ts";

const options: OptionsDef = { ...sharedOptions, ...settingOptions() };

const logFlushMs = 2000;

export const runCommand = defineCommand({
  name: "run",
  usage: serverUsage,
  options,
  check: ({ values }) => ({ misread: null, others: runFaults(values) }),
  run: runServer,
});

/** An option for each setting, by its name. */
function settingOptions(): OptionsDef {
  const settings = Object.values(serverSettings);
  return Object.fromEntries(
    settings.map(({ name, kind }) => [name, { type: kind.placeholder === null ? "boolean" : "string" }]),
  );
}

/** What is wrong with each option. */
function runFaults(given: CommandLine["values"]): readonly DyncError[] {
  const texts = Object.entries(given).map(([name, values]) => [name, values?.[0] ?? ""]);
  const { faults } = readServerSettings(Object.fromEntries(texts));
  return [...faults].map(([name, fault]) => usageError(fault, optionText(name)));
}

async function runServer(values: OptionValues<OptionsDef>, context: CommandContext): Promise<number> {
  const { clock, signal } = context;
  const request = readServeOptions(values, context.environment);
  const log = openLog({
    stream: process.stderr,
    clock,
    format: request.settings.logFormat,
    level: request.settings.logLevel,
  });
  // The network code comes in only here: --help and usage errors need none of it.
  const { serve } = await import("./serve.ts");
  const hangups = listenForHangups(log.logger);
  try {
    await serve(request, { logger: log.logger, clock, hangups }, signal);
  } catch (error) {
    throw startError(error);
  } finally {
    await log.flush(logFlushMs);
  }
  return stopStatus(signal.reason);
}

// What every daemon takes for "read again" must not end this one, nor may a terminal that closes. Windows says so when a
// console closes, and ends the program whatever it does.
function listenForHangups(logger: Logger): EventTarget {
  const hangups = new EventTarget();
  if (process.platform === "win32") return hangups;
  process.on("SIGHUP", () => {
    logger.log("info", "SIGHUP: reading the keys again", {});
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

/** The checked options behind the values of the command line, with which `runFaults` found nothing wrong. */
function readServeOptions(
  values: OptionValues<OptionsDef>,
  environment: CommandContext["environment"],
): ServeOptions {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  const { process: settings, rules, faults } = readServerSettings(Object.fromEntries(given));
  assert(faults.size === 0, "the command line was checked");
  const home = resolve(dyncHome(environment));
  return { home, dataFolder: resolve(settings.dataFolder ?? resolve(home, "data")), settings, rules };
}
