// Transcripts of command lines: what is typed into a shell and all that comes back, as text files. The compiled programs run in an empty
// folder of their own that is their home as well.
//
//   # a comment
//   exec dync --port 0 host file      typed into sh; `dync` and `dync-server` are the programs of this checkout, compiled
//   stdout a line of standard output  every line, in order; "..." stands for anything within a line
//   stderr a line of standard error
//   exit 2                            0 when it is left out

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executables } from "./executables.ts";

export interface Step {
  readonly line: number;
  readonly command: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly exit: number;
}

/** The steps of a transcript. Throws on a line that is none. */
export function parseTranscript(text: string): readonly Step[] {
  const steps: { line: number; command: string; stdout: string[]; stderr: string[]; exit: number }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, verb, rest = ""] = /^(exec|stdout|stderr|exit)(?: (.*))?$/.exec(line) ?? [];
    const step = steps.at(-1);
    if (verb === "exec") steps.push({ line: index + 1, command: rest, stdout: [], stderr: [], exit: 0 });
    else if (step === undefined || verb === undefined) throw new Error(`line ${index + 1}: no such verb`);
    else if (verb === "exit") step.exit = Number(rest);
    else if (verb === "stdout") step.stdout.push(rest);
    else step.stderr.push(rest);
  }
  return steps;
}

/** Runs the steps one after another and tells what came back differently: one text for each step, empty when all agree. */
export async function runTranscript(steps: readonly Step[]): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "dync-transcript-"));
  try {
    const work = join(folder, "work");
    mkdirSync(work);
    mkdirSync(join(folder, "bin"));
    const { dync, dyncServer } = await executables();
    symlinkSync(dync, join(folder, "bin", "dync"));
    symlinkSync(dyncServer, join(folder, "bin", "dync-server"));
    const differences: string[] = [];
    for (const step of steps) {
      const found = await runShell(step.command, work, join(folder, "bin"));
      if (!agrees(step, found)) differences.push(describeDifference(step, found, work));
    }
    return differences;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | null;
}

function runShell(command: string, cwd: string, bin: string): Promise<Outcome> {
  const env = { PATH: `${bin}:${process.env.PATH}`, HOME: cwd, LC_ALL: "C.UTF-8", TZ: "UTC" };
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject).on("close", (exit) => resolve({ stdout, stderr, exit }));
  });
}

function agrees(step: Step, found: Outcome): boolean {
  return (
    found.exit === step.exit && linesAgree(step.stdout, found.stdout) && linesAgree(step.stderr, found.stderr)
  );
}

function linesAgree(expected: readonly string[], found: string): boolean {
  const lines = found.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.length === expected.length && lines.every((line, index) => lineAgrees(expected[index]!, line));
}

function lineAgrees(expected: string, found: string): boolean {
  const pattern = expected.split("...").map((it) => it.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".*")}$`, "s").test(found);
}

/** In the form of a transcript, ready to be compared with what was expected, or pasted. */
function describeDifference(step: Step, found: Outcome, work: string): string {
  const lines = (verb: string, text: string): string[] =>
    text
      .replaceAll(work, "...")
      .split("\n")
      .slice(0, -1)
      .map((line) => `${verb} ${line}`.trimEnd());
  return [
    `line ${step.line}: exec ${step.command}`,
    ...lines("stdout", found.stdout),
    ...lines("stderr", found.stderr),
    `exit ${found.exit}`,
  ].join("\n");
}
