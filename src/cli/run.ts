// From the command line to the exit status, for both programs; the only file that ends the process. Called by the
// two entries. Signals become an `AbortSignal`, errors become a line on stderr and a status from `base/error.ts`.

import { type Clock, systemClock } from "../base/clock.ts";
import { DyncError, errorFields, errorMeanings, messageOf } from "../base/error.ts";
import { asksForJson, checkArguments, readRequest } from "./args.ts";
import type { Program } from "./command.ts";
import { isHangupOurs } from "./hangup.ts";
import { exitInterrupted, Interruption } from "./interruption.ts";
import { Output } from "./output.ts";
import { systemArguments } from "./system-arguments.ts";
import { helpText } from "./usage-environment.ts";
import { findVariables, namingVariables, unknownMeant } from "./variables.ts";
import { versionLine } from "./version.ts";

const hasSignals = process.platform !== "win32";

/** Runs `program` with this process's arguments and ends the process. */
export async function run(program: Program): Promise<never> {
  const argv = systemArguments(process.argv.slice(2));
  const clock = systemClock;
  const output = new Output({
    program: program.name,
    json: asksForJson(program, argv, process.env),
    stdout: process.stdout,
    stderr: process.stderr,
    clock,
  });
  const signals = listenForSignals(program);
  const exit = (status: number): Promise<never> => endProcess(output, status, signals.endingSignal(status));
  // Somebody forgot to handle an error: say so and stop, rather than go on in an unknown state.
  process.on("uncaughtException", (error) => void exit(reportError(program, output, error)));
  process.on("unhandledRejection", (error) => void exit(reportError(program, output, error)));
  return await exit(await execute({ program, argv, output, clock, signal: signals.abort }));
}

export interface Execution {
  readonly program: Program;
  readonly argv: readonly string[];
  readonly output: Output;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Does what `argv` asks for and resolves to the exit status. Everything that goes wrong is printed, nothing thrown. */
export async function execute(execution: Execution): Promise<number> {
  const { program, output, clock, signal } = execution;
  try {
    const request = readRequest(program, execution.argv);
    if (request.type === "help") {
      output.text(helpText(program, request.command));
      return 0;
    }
    if (request.type === "version") {
      output.text(versionLine(program.name));
      return 0;
    }
    if (request.type === "bare") {
      output.stderr.write(`${helpText(program, null)}\n`);
      return errorMeanings.usage.exit;
    }
    const environment = process.env;
    const { command, rest, isNamed } = request;
    const { values, variables } = checkArguments(program, command, rest, { isNamed, environment });
    const variablesFound = findVariables(program, environment);
    if (!command.logsWarnings) for (const text of unknownMeant(variablesFound)) output.warn(text);
    const context = { program: program.name, output, signal, clock, environment, variables, variablesFound };
    const status = await command.run(values, context).catch((error: unknown) => {
      throw error instanceof DyncError ? namingVariables(error, command.options, variables) : error;
    });
    output.end(status);
    return status;
  } catch (error) {
    const status = reportError(program, output, signal.aborted ? interruption(error, signal) : error);
    output.end(status);
    return status;
  }
}

/** Prints an error and returns the exit status it stands for. */
function reportError(program: Program, output: Output, error: unknown): number {
  const known =
    error instanceof DyncError
      ? error
      : new DyncError("failed", `${messageOf(error)}; this is a bug in ${program.name}`, {
          cause: error,
          hint: "please report it, with what DYNC_DEBUG=1 adds to this message",
        });
  output.summarise({ error: errorFields(known) });
  output.error(known);
  if (process.env.DYNC_DEBUG === "1" && !output.json) output.stderr.write(`${stackOf(error)}\n`);
  return known.meaning.exit;
}

/** What an aborted wait throws is the interruption itself, in whatever form it comes back. */
function interruption(error: unknown, signal: AbortSignal): unknown {
  const isAbort = error instanceof Error && error.name === "AbortError";
  return isAbort ? signal.reason : error;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\nCaused by: ${stackOf(error.cause)}`;
}

interface Signals {
  /** Aborts at the first signal that asks the program to stop. */
  readonly abort: AbortSignal;
  /** The signal that the process ends by when its exit status is `status`; `null`: it ends by that status. */
  endingSignal(status: number): NodeJS.Signals | null;
}

/** The first signal asks the command to stop, which takes as long as it takes; the second one does not wait. */
function listenForSignals(program: Program): Signals {
  const controller = new AbortController();
  let stoppedBy: NodeJS.Signals | null = null;
  const onSignal = (name: NodeJS.Signals): void => {
    if (stoppedBy !== null) return endBy(hasSignals ? name : null, exitInterrupted);
    stoppedBy = name;
    controller.abort(new Interruption(name));
  };
  // On Windows SIGHUP is how a console that closes says so, and SIGBREAK is Ctrl-Break. A server elsewhere lives on.
  const names = [
    ...(["SIGINT", "SIGTERM"] as const),
    ...(hasSignals ? [] : (["SIGBREAK"] as const)),
    ...((!hasSignals || program.endsAtHangup) && isHangupOurs() ? (["SIGHUP"] as const) : []),
  ];
  for (const name of names) process.on(name, () => onSignal(name));
  const endingSignal = (status: number) => (hasSignals && status === exitInterrupted ? stoppedBy : null);
  return { abort: controller.signal, endingSignal };
}

async function endProcess(output: Output, status: number, signal: NodeJS.Signals | null): Promise<never> {
  await output.flush();
  const { resultsLost } = output;
  if (resultsLost === null || status !== 0) return endBy(signal, status);
  // Whoever asked for them has not got them.
  const lost = new DyncError("failed", `Standard output cannot be written: ${resultsLost}`);
  output.error(lost);
  await output.flush();
  return endBy(null, lost.meaning.exit);
}

// A shell sees 130 either way. But only where the program ended by SIGINT it knows that Ctrl-C was meant for the whole
// loop or script: after a status it would go on with the next file.
function endBy(signal: NodeJS.Signals | null, status: number): never {
  if (signal !== null) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  process.exit(status);
}
