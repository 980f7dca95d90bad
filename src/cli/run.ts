// From the command line to the exit status, for both programs; the only file that ends the process. Called by the
// two entries. Signals become an `AbortSignal`, errors become a line on stderr and a status from `base/error.ts`.

import { type Clock, systemClock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import { asksForJson, checkArguments, readRequest } from "./args.ts";
import type { Program } from "./command.ts";
import { Output } from "./output.ts";
import { versionLine } from "./version.ts";

const exitInterrupted = 130;

/** Runs `program` with this process's arguments and ends the process. */
export async function run(program: Program): Promise<never> {
  const argv = process.argv.slice(2);
  const clock = systemClock;
  const output = new Output({
    program: program.name,
    json: asksForJson(argv),
    stdout: process.stdout,
    stderr: process.stderr,
    clock,
  });
  const exit = (status: number): Promise<never> => endProcess(output, status);
  // Somebody forgot to handle an error: say so and stop, rather than go on in an unknown state.
  process.on("uncaughtException", (error) => void exit(reportError(program, output, error)));
  process.on("unhandledRejection", (error) => void exit(reportError(program, output, error)));
  return await exit(await execute({ program, argv, output, clock, signal: listenForSignals() }));
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
      output.text((request.command ?? program).usage.trim());
      return 0;
    }
    if (request.type === "version") {
      output.text(versionLine(program.name));
      return 0;
    }
    const checked = checkArguments(program, request.command, request.rest);
    const environment = process.env;
    const status = await request.command.run(checked, {
      program: program.name,
      output,
      signal,
      clock,
      environment,
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

/** The first signal asks the command to stop, which takes as long as it takes; the second one does not wait. */
function listenForSignals(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (name: string): void => {
    if (controller.signal.aborted) process.exit(exitInterrupted);
    controller.abort(new DyncError("cancelled", `Interrupted by ${name}`));
  };
  // SIGHUP is left alone on POSIX, where `nohup` sets it to be ignored and a handler would undo that; on Windows
  // SIGHUP is how a console that closes says so, and SIGBREAK is Ctrl-Break.
  const names = [
    "SIGINT",
    "SIGTERM",
    ...(process.platform === "win32" ? ["SIGHUP", "SIGBREAK"] : []),
  ] as const;
  for (const name of names) process.on(name, () => onSignal(name));
  return controller.signal;
}

async function endProcess(output: Output, status: number): Promise<never> {
  await output.flush();
  process.exit(status);
}
