// The table of what dync says: what was given, what the user reads, the exit status. On the compiled programs.
//
// To add a row: append it to the array `rows` of a `rows-TOPIC.ts` beside this file (a new file is found by its name).
//
//   {
//     given: "a path instead of a name at -n",
//     files: { "run.raw": "data" },
//     steps: [
//       {
//         type: "dync -k sample:S-17 -n a/b $SERVER run.raw",
//         stderr: [`dync: error: ...`, "dync: hint: write -n b"],
//         exit: 2,
//       },
//     ],
//   },
//
// - A step is typed into bash, in an empty folder of the row's own, with `dync` and `dync-server` on the PATH. $SERVER is
//   HOST:PORT of a running server, $STORED the folder where it puts the files of user "alice", whose keys are in $DYNC_HOME
//   (a copy for each row), $HOME the row's folder. Standard input is /dev/null unless the step says otherwise.
// - Every line of both outputs is in the row: "..." in a line is anything within it, a line "..." is any lines, and `anyNumberOf` those of one pattern. Texts that
//   nobody would miss need no row; a pattern that matches everything is no test.
// - Rows share a server (`server` and `ownServer` say otherwise): a row's files have names that no other row sends.
// - Run one row: bun test test/e2e/said -t "a path instead of a name"

import { afterAll, describe, expect, test } from "bun:test";
import { globSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { executablesMissing } from "../../support/executables.ts";
import { type Lab, openLab } from "../../support/lab.ts";
import { type ProgramEnd, runProgram } from "../../support/programs.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { onTerminal, terminalMissing } from "../../support/terminal.ts";
import type { AnyNumber, Line, Place, Row, Step } from "./row.ts";

const rowDeadlineMs = 90_000;
// Most of it may be one step, where others use the machine as well.
const stepDeadlineMs = 80_000;
const missing = executablesMissing ?? (Bun.which("bash") === null ? "bash is not here" : null);

const labs = new Map<string, Promise<Lab>>();
afterAll(async () => {
  for (const lab of labs.values()) await (await lab)[Symbol.asyncDispose]();
});

for (const file of globSync("rows-*.ts", { cwd: import.meta.dir }).sort()) {
  const { rows } = (await import(join(import.meta.dir, file))) as { rows: readonly Row[] };
  describe.skipIf(missing !== null)(`said: ${file.slice(5, -3)} (${missing ?? "compiled"})`, () => {
    for (const row of rows) {
      const unless = row.unless ?? (row.terminal ? terminalMissing : null);
      const name = unless === null ? row.given : `${row.given} (${unless})`;
      test.skipIf(unless !== null)(name, () => runRow(row), rowDeadlineMs);
    }
  });
}

async function runRow(row: Row): Promise<void> {
  const lab = await (row.ownServer ? openLab({ inMemory: true, server: row.server ?? [] }) : sharedLab(row));
  await using folder = await tempFolder();
  await using closing = new AsyncDisposableStack();
  try {
    const defer = (close: () => Promise<void>) => closing.defer(close);
    const place: Place = { lab, folder, home: folder.file(".home"), defer };
    const work = folder.file("work");
    await mkdir(work);
    await cp(lab.homes.client, place.home, { recursive: true });
    for (const [name, content] of Object.entries(row.files ?? {})) {
      const bytes = typeof content === "number" ? crypto.getRandomValues(new Uint8Array(content)) : content;
      await writeFile(join(work, name), bytes);
    }
    await row.before?.({ ...place, folder: { ...folder, path: work, file: (...it) => join(work, ...it) } });
    if (row.first !== undefined) {
      const end = await typed(row.first, row, place, work);
      expect({ step: row.first, ...shown(end) }).toMatchObject({ exit: 0 });
    }
    for (const step of row.steps) compare(step, await typed(step.type, row, place, work));
    await row.after?.({ ...place, folder: { ...folder, path: work, file: (...it) => join(work, ...it) } });
  } finally {
    if (row.ownServer) await lab[Symbol.asyncDispose]();
  }
}

function sharedLab(row: Row): Promise<Lab> {
  const server = row.server ?? [];
  const key = JSON.stringify(server);
  const lab = labs.get(key) ?? openLab({ inMemory: true, server });
  labs.set(key, lab);
  return lab;
}

function typed(command: string, row: Row, { lab, home }: Place, work: string): Promise<ProgramEnd> {
  const env = {
    PATH: `${dirname(lab.programs.dync)}:${process.env.PATH}`,
    HOME: work,
    DYNC_HOME: home,
    SERVER: `127.0.0.1:${lab.port}`,
    STORED: join(lab.data, "alice"),
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    ...row.env,
  };
  const shell = ["bash", "-c", command];
  return runProgram(row.terminal ? onTerminal(shell) : shell, { cwd: work, env }, stepDeadlineMs);
}

/** Everything at once, so that a failing row shows all that was said. */
function compare(step: Step, end: ProgramEnd): void {
  const found = shown(end);
  const wanted = {
    stdout: merged(step.stdout ?? [], found.stdout),
    stderr: merged(step.stderr ?? [], found.stderr),
    exit: step.exit ?? 0,
  };
  expect({ typed: step.type, ...found }).toEqual({ typed: step.type, ...wanted });
}

function shown({ code, stdout, stderr }: ProgramEnd) {
  return { stdout: linesOf(stdout), stderr: linesOf(stderr), exit: code };
}

function linesOf(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** The lines that were found where `expected` takes them, else what was expected: the difference is then what differs. */
function merged(expected: readonly Line[], found: readonly string[]): readonly string[] {
  return linesAgree(expected, found) ? found : expected.map(shownLine);
}

function linesAgree(expected: readonly Line[], found: readonly string[]): boolean {
  const [line, ...rest] = expected;
  if (line === undefined) return found.length === 0;
  if (line === "...")
    return found.some((_, skipped) => linesAgree(rest, found.slice(skipped))) || rest.length === 0;
  if (isAnyNumber(line))
    return (
      linesAgree(rest, found) ||
      (line.anyNumberOf.test(found[0] ?? "") && linesAgree(expected, found.slice(1)))
    );
  return found.length > 0 && lineAgrees(line, found[0]!) && linesAgree(rest, found.slice(1));
}

function isAnyNumber(line: Line): line is AnyNumber {
  return typeof line === "object" && "anyNumberOf" in line;
}

function shownLine(line: Line): string {
  return isAnyNumber(line) ? `any number of ${line.anyNumberOf}` : String(line);
}

function lineAgrees(expected: string | RegExp, found: string): boolean {
  if (expected instanceof RegExp) return expected.test(found);
  const pattern = expected.split("...").map((it) => it.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".*")}$`, "s").test(found);
}
