// `dync-server [run]`: reads and checks how the server is to run, and hands it to `serve.ts`.

import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { limits } from "../../protocol/limits.ts";
import { defaultServerOptions, type ServerOptions } from "../../server/options.ts";
import { sharedOptions } from "../args.ts";
import {
  type CommandContext,
  type CommandLine,
  defineCommand,
  type OptionsDef,
  type OptionValues,
} from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { parseDuration } from "../duration.ts";
import { exitInterrupted, Interruption } from "../interruption.ts";
import { logFormats, logLevels, openLog } from "../log.ts";
import { printable } from "../printable.ts";
import { parseSize } from "../size.ts";
import { parseWholeNumber } from "../whole-number.ts";
import type { ServeOptions } from "./serve-options.ts";
import { startError } from "./start-error.ts";
import { serverUsage } from "./usage.ts";

const options = {
  ...sharedOptions,
  data: { type: "string" },
  bind: { type: "string" },
  port: { type: "string" },
  memory: { type: "string" },
  chunk: { type: "string" },
  window: { type: "string" },
  "max-uploads": { type: "string" },
  "uploads-per-user": { type: "string" },
  "max-unfinished": { type: "string" },
  "max-metadata": { type: "string" },
  "idle-timeout": { type: "string" },
  expire: { type: "string" },
  "trust-user-ids": { type: "boolean" },
  "log-format": { type: "string" },
  "log-level": { type: "string" },
} as const satisfies OptionsDef;

type RunValues = OptionValues<typeof options>;

// More open uploads need more file descriptors and connections than a process gets.
const uploadsMaxMax = 100_000;
// A question about a user's unfinished uploads looks at each of them.
const unfinishedMaxMax = 100_000;
const logFlushMs = 2000;

export const runCommand = defineCommand({
  name: "run",
  usage: serverUsage,
  options,
  check: ({ values }) => ({ misread: null, others: runFaults(values) }),
  run: runServer,
});

/** What is wrong with each option, whatever the others are. */
function runFaults(given: CommandLine["values"]): readonly DyncError[] {
  const faults = new Map<string, DyncError>();
  for (const name of Object.keys(given)) {
    // How little memory is enough depends on the chunk.
    const names = name === "memory" ? ["chunk", name] : [name];
    const values = { ...noValues, ...Object.fromEntries(names.map((it) => [it, given[it]?.[0]])) };
    // An account without a home is no fault of the options.
    const read = (): unknown => [readServeOptions(values, { DYNC_HOME: "." }), readLogOptions(values)];
    for (const fault of faultsOf(read)) faults.set(fault.message, fault);
  }
  return [...faults.values()];
}

const noValues = { help: false, version: false, "trust-user-ids": false } as RunValues;

async function runServer(values: RunValues, context: CommandContext): Promise<number> {
  const { clock, signal } = context;
  const request = readServeOptions(values, context.environment);
  const log = openLog({
    stream: process.stderr,
    clock,
    ...readLogOptions(values),
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

/** The checked options behind the values of the command line. Throws `DyncError` ("usage"). */
export function readServeOptions(
  values: RunValues,
  environment: CommandContext["environment"],
): ServeOptions {
  const home = resolve(dyncHome(environment));
  return {
    home,
    dataFolder: resolve(values.data ?? resolve(home, "data")),
    trustsUserIds: values["trust-user-ids"],
    server: readServerOptions(values),
  };
}

function readLogOptions(values: RunValues) {
  return {
    format: oneOf(values["log-format"] ?? "text", logFormats, "--log-format"),
    level: oneOf(values["log-level"] ?? "info", logLevels, "--log-level"),
  };
}

function readServerOptions(values: RunValues): ServerOptions {
  const { chunkBytesMin, chunkBytesMax, maxQueueMax } = limits;
  const defaults = defaultServerOptions;
  const chunkBytes = sizeOr(values.chunk, "--chunk", defaults.chunkBytes);
  if (chunkBytes < chunkBytesMin || chunkBytes > chunkBytesMax) {
    throw outOfRange("--chunk", `from ${chunkBytesMin} to ${chunkBytesMax} bytes`, chunkBytes);
  }
  const memoryBytes = sizeOr(values.memory, "--memory", defaults.memoryBytes);
  if (memoryBytes < chunkBytes)
    throw outOfRange("--memory", `at least one chunk, ${chunkBytes} bytes`, memoryBytes);
  const { metadataBytesMax } = limits;
  const metadataBytesPerUser = sizeOr(
    values["max-metadata"],
    "--max-metadata",
    defaults.metadataBytesPerUser,
  );
  if (metadataBytesPerUser < metadataBytesMax)
    throw outOfRange(
      "--max-metadata",
      `at least what one upload may have, ${metadataBytesMax} bytes`,
      metadataBytesPerUser,
    );
  return {
    address: values.bind ?? defaults.address,
    port: numberOr(values.port, "--port", 0, 65535, defaults.port),
    memoryBytes,
    chunkBytes,
    windowChunks: numberOr(values.window, "--window", 1, maxQueueMax, defaults.windowChunks),
    syncEveryBytes: defaults.syncEveryBytes,
    uploadsMax: numberOr(values["max-uploads"], "--max-uploads", 1, uploadsMaxMax, defaults.uploadsMax),
    uploadsPerUser: numberOr(
      values["uploads-per-user"],
      "--uploads-per-user",
      1,
      uploadsMaxMax,
      defaults.uploadsPerUser,
    ),
    idleMs: durationOr(values["idle-timeout"], "--idle-timeout", limits.idleMsMin, defaults.idleMs),
    expireMs: durationOr(values.expire, "--expire", 1000, defaults.expireMs),
    rememberMs: defaults.rememberMs,
    unfinishedPerUser: numberOr(
      values["max-unfinished"],
      "--max-unfinished",
      1,
      unfinishedMaxMax,
      defaults.unfinishedPerUser,
    ),
    metadataBytesPerUser,
    failedPerUser: defaults.failedPerUser,
    finishedPerUser: defaults.finishedPerUser,
  };
}

function sizeOr(text: string | undefined, option: string, otherwise: number): number {
  return text === undefined ? otherwise : parseSize(text, option);
}

function numberOr(
  text: string | undefined,
  option: string,
  min: number,
  max: number,
  otherwise: number,
): number {
  return text === undefined ? otherwise : parseWholeNumber(text, `Option "${option}"`, min, max);
}

/** No wait of the server can be nothing at all: it would end every upload at its start. `leastMs` are whole seconds. */
function durationOr(text: string | undefined, option: string, leastMs: number, otherwise: number): number {
  const durationMs = text === undefined ? otherwise : parseDuration(text, option);
  if (durationMs < leastMs) throw outOfRange(option, `at least ${leastMs / 1000}s`, `${durationMs} ms`);
  return durationMs;
}

function outOfRange(option: string, wanted: string, found: number | string): DyncError {
  return new DyncError("usage", `Option "${option}" needs ${wanted}, found ${found}`);
}

function oneOf<T extends string>(text: string, choices: readonly T[], option: string): T {
  const choice = choices.find((it) => it === text);
  if (choice !== undefined) return choice;
  const wanted = choices.map((it) => `"${it}"`).join(", ");
  throw new DyncError("usage", `Option "${option}" needs one of ${wanted}, found "${printable(text)}"`);
}
