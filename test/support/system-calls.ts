// System calls of the compiled programs that fail, are short, or are the last ones: strace for errors, crash_at.py
// for an exact place in the order of all threads' calls. Linux only.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Program, startProgram } from "./programs.ts";

/** Why no errors can be injected here, for the name of a skipped test; `null` when they can. */
export const straceMissing: string | null = missing(
  ["strace", "-e", "trace=none", "true"],
  "strace is missing",
);

/** Why programs cannot be stopped at a system call here; `null` when they can. */
export const crashesMissing: string | null =
  process.platform !== "linux" || process.arch !== "x64"
    ? "needs Linux on x86-64"
    : missing(["/usr/bin/python3", "-c", ""], "python3 is missing");

export interface CrashOptions {
  /** Only calls that change something below it count. */
  readonly folder: string;
  /** 0 only counts. */
  readonly at: number;
  readonly log: string;
  /** Count from the start of the program, not from the first partial upload on. */
  readonly fromStart?: boolean;
  /** Do not kill; cut the call, when it is a write, to so many bytes. */
  readonly shortenTo?: number;
}

/** Command that runs another one, given behind it, and stops it as `options` say. */
export function crashCommand(options: CrashOptions): readonly string[] {
  const { folder, at, log, fromStart, shortenTo } = options;
  const more = [
    ...(fromStart === true ? ["--from-start"] : []),
    ...(shortenTo === undefined ? [] : ["--shorten", String(shortenTo)]),
  ];
  const script = join(import.meta.dir, "crash_at.py");
  return [
    "/usr/bin/python3",
    "-B",
    script,
    "--folder",
    folder,
    "--at",
    String(at),
    "--log",
    log,
    ...more,
    "--",
  ];
}

/** The calls that were counted, in their order, each as "NAME PATH". */
export function countedCalls(log: string): readonly string[] {
  const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : [];
  return lines.map((line) => line.slice(line.indexOf(" ") + 1));
}

export interface Injection extends AsyncDisposable {
  /** Takes the fault away; returns how many calls it hit. */
  end(): Promise<number>;
}

/** Makes system calls of a running program fail: `rule` is what strace's `inject=` reads. */
export async function inject(pid: number, rule: string, log: string): Promise<Injection> {
  const tracer = startProgram(["strace", "-f", "-p", String(pid), "-o", log, "-e", `inject=${rule}`]);
  try {
    await tracer.line(/attached/);
  } catch (error) {
    await tracer.kill();
    throw error;
  }
  return {
    end: () => endOf(tracer, log),
    [Symbol.asyncDispose]: async () => void (await endOf(tracer, log)),
  };
}

// SIGINT makes strace let go of the program; SIGKILL as well, but the program may be hit once more meanwhile.
async function endOf(tracer: Program, log: string): Promise<number> {
  tracer.signal("SIGINT");
  await tracer.ended();
  return injected(log);
}

function missing(command: string[], text: string): string | null {
  try {
    return Bun.spawnSync(command, { stderr: "ignore", stdout: "ignore" }).exitCode === 0 ? null : text;
  } catch {
    return text;
  }
}

/** Command that runs another one, given behind it, with an injected fault from its start. */
export function injectCommand(rule: string, log: string): readonly string[] {
  return ["strace", "-D", "-f", "-o", log, "-e", `inject=${rule}`];
}

/** How many calls an injection of `injectCommand` hit. */
export function injected(log: string): number {
  return existsSync(log) ? readFileSync(log, "utf8").split("(INJECTED)").length - 1 : 0;
}
