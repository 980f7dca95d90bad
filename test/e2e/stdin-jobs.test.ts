// Jobs from another program, as JSON lines, on the compiled programs: each is answered when it is over, while others may come.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import type { Program } from "../support/programs.ts";

type Answer = Readonly<Record<string, unknown>>;

let lab: Lab;

function start(...args: readonly string[]): Program {
  return lab.startSend(["--stdin-jobs", ...args], { stdin: "pipe" });
}

function ask(program: Program, job: unknown): void {
  const input = program.child.stdin as Bun.FileSink;
  input.write(typeof job === "string" ? `${job}\n` : `${JSON.stringify(job)}\n`);
  input.flush();
}

/** The answer to the job with this id, which may come before or after others. */
async function answer(program: Program, id: unknown): Promise<Answer> {
  const [line] = await program.line(new RegExp(`^\\{.*"type":"file".*"id":${JSON.stringify(id)},.*$`));
  return JSON.parse(line);
}

async function finish(
  program: Program,
): Promise<{ code: number | null; answers: Answer[]; summary: Answer }> {
  await (program.child.stdin as Bun.FileSink).end();
  const { code, stdout } = await program.ended();
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
  return { code, answers: lines.filter(({ type }) => type === "file"), summary: lines.at(-1) as Answer };
}

describe.skipIf(executablesMissing !== null)(
  `jobs from a program (${executablesMissing ?? "compiled"})`,
  () => {
    beforeAll(async () => {
      lab = await openLab({ inMemory: true });
    });
    afterAll(async () => await lab[Symbol.asyncDispose]());

    test("are answered one by one, over one opened client", async () => {
      const paths = await Promise.all([1, 2, 3].map((at) => lab.file(`asked-${at}.raw`, 10_000 * at)));
      await using program = start();
      for (const [at, path] of paths.entries()) {
        ask(program, { id: at, path, metadata: { run: at } });
        expect(await answer(program, at)).toMatchObject({
          line: at + 1,
          path,
          outcome: "stored",
          already: false,
        });
        await lab.expectStored(path);
      }
      expect(await lab.metadata("asked-2.raw")).toEqual({ sample: "S-17", run: 1 });
      const { code, summary } = await finish(program);
      expect(code).toBe(0);
      expect(summary).toMatchObject({ type: "summary", ok: true, stored: 3, failed: 0 });
    });

    test("3: those that cannot be done say why, and the others are done", async () => {
      const good = await lab.file("good.raw", 1000);
      const folder = lab.folder.file("files", "set");
      await mkdir(folder);
      await writeFile(`${folder}/a.txt`, "a");
      await using program = start("--jobs", "8");
      ask(program, "no job at all");
      ask(program, { id: "gone", path: "/gone.raw" });
      ask(program, { id: { a: [1] }, path: good, name: "a/b" });
      ask(program, { id: "good", path: good, name: "chosen.raw", metadata: { run: "7" } });
      ask(program, { id: "set", path: folder, dataset: true });
      ask(program, "");
      ask(program, { id: "kind", path: good, kind: "file" });
      const { code, answers, summary } = await finish(program);
      expect(code).toBe(3);
      const byLine = answers.toSorted((a, b) => Number(a.line) - Number(b.line));
      expect(byLine).toMatchObject([
        { line: 1, outcome: "failed", code: "usage", exit: 2 },
        { line: 2, id: "gone", outcome: "failed", code: "source", exit: 4 },
        { line: 3, id: { a: [1] }, outcome: "failed", code: "usage" },
        { line: 4, id: "good", outcome: "stored", name: "chosen.raw" },
        { line: 5, id: "set", outcome: "stored" },
        { line: 7, id: "kind", outcome: "failed", code: "usage" },
      ]);
      expect(summary).toMatchObject({ ok: false, exit: 3, stored: 2, failed: 4 });
      await lab.expectStored(good, "chosen.raw");
      expect(await lab.metadata("chosen.raw")).toEqual({ sample: "S-17", run: "7" });
      expect(lab.published()).toContain("alice/set/a.txt");
    });

    test("an interruption ends it at once, although nothing comes", async () => {
      const path = await lab.file("before.raw", 1000);
      await using program = start();
      ask(program, { id: 1, path });
      await answer(program, 1);
      program.signal("SIGINT");
      expect((await program.ended(5000)).signal).toBe("SIGINT");
    });

    test("nothing is remembered of small ones: who gives the jobs gives them again", async () => {
      const paths = await Promise.all(
        Array.from({ length: 100 }, (_, at) => lab.file(`many-${at}.raw`, 5000)),
      );
      await using program = start();
      for (const path of paths) ask(program, { path });
      await program.line(/"type":"file".*"many-/);
      program.signal("SIGKILL");
      await program.ended();
      expect(await lab.dync(["uploads"])).toMatchObject({ stderr: "Nothing is unfinished\n" });
      await using again = start();
      for (const path of paths) ask(again, { path });
      const { code, summary } = await finish(again);
      expect(code).toBe(0);
      expect(Number(summary.stored) + Number(summary.already)).toBe(100);
      for (const path of paths) await lab.expectStored(path);
    });
  },
);
