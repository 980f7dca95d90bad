// Several files with one command, on the compiled programs: what fails alone, what an interruption leaves, who takes it up.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { type Program, type ProgramEnd, runProgram } from "../support/programs.ts";

let lab: Lab;

/** Files of 10,000 bytes, and one of 3,000,000, which is remembered by itself. */
async function files(name: string, count: number): Promise<readonly string[]> {
  const small = Array.from({ length: count - 1 }, (_, at) => lab.file(`${name}-${at}.raw`, 10_000));
  return await Promise.all([...small, lab.file(`${name}-large.raw`, 3_000_000)]);
}

async function expectAllStored(paths: readonly string[]): Promise<void> {
  for (const path of paths) await lab.expectStored(path);
}

/** Waits until the first file is stored, and its client knows. */
async function begun(program: Program, name: string): Promise<void> {
  await program.line(new RegExp(`^[0-9a-f]{64} {2}${name}-`));
}

/** The last line of a command with `--json`. */
function summaryOf({ stdout }: ProgramEnd): Record<string, unknown> {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

async function expectNothingUnfinished(): Promise<void> {
  expect(await lab.dync(["uploads"])).toMatchObject({ code: 0, stderr: "Nothing is unfinished\n" });
}

describe.skipIf(executablesMissing !== null)(`a batch (${executablesMissing ?? "compiled"})`, () => {
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("3: those that cannot be sent are named with their reasons, all others are stored", async () => {
    const paths = await files("some", 20);
    await rm(paths[3] as string);
    const end = await lab.send(paths);
    expect(end.code).toBe(3);
    expect(end.stderr).toContain(`dync: error: Cannot read "${paths[3]}": there is no such file\n`);
    expect(end.stderr).toMatch(/^20 files: 19 stored \(.*\), 1 failed$/m);
    expect(end.stderr).toContain(`\n  "${paths[3]}": Cannot read "${paths[3]}": there is no such file\n`);
    expect(end.stderr).toMatch(
      /^"dync resume" goes on with the one that is left, "dync cancel [0-9a-f]{8}" drops it$/m,
    );
    expect(end.stdout.match(/^[0-9a-f]{64} {2}some-/gm)).toHaveLength(19);
    await expectAllStored(paths.filter((_, at) => at !== 3));
    await lab.file("some-3.raw", 10_000);
    expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await expectAllStored(paths);
    await expectNothingUnfinished();
  });

  test("0: given again nothing is sent, and each is confirmed", async () => {
    const paths = await files("again", 10);
    expect(await lab.send(["-q", ...paths])).toMatchObject({ code: 0 });
    const end = await lab.send(["--json", ...paths]);
    expect(end.code).toBe(0);
    const lines = end.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ type }) => type === "file").every(({ already }) => already === true)).toBe(true);
    expect(lines.at(-1)).toMatchObject({
      type: "summary",
      ok: true,
      files: 10,
      stored: 0,
      already: 10,
      failed: 0,
      failures: [],
    });
    await expectNothingUnfinished();
  });

  /** Ends a command that sends 200 files when some of them are stored. */
  async function stopped(name: string, signal: NodeJS.Signals): Promise<readonly string[]> {
    const paths = await files(name, 200);
    await using program: Program = lab.startSend(paths);
    await begun(program, name);
    program.signal(signal);
    const end = await program.ended();
    expect(end.signal).toBe(signal);
    if (signal !== "SIGKILL") {
      expect(end.stderr).toMatch(/^200 files: \d+ stored .*, \d+ not tried$/m);
      expect(end.stderr).toMatch(
        /\ndync: error: Interrupted by SIGINT\ndync: hint: "dync resume" goes on with the \d+ that are left, "dync cancel [0-9a-f]{8}" drops them\n$/,
      );
    }
    return paths;
  }

  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    test(`ended by ${signal} is taken up by "dync resume", also what was never begun`, async () => {
      const paths = await stopped(signal.toLowerCase(), signal);
      const listed = await lab.dync(["uploads"]);
      expect(listed.stdout).toMatch(/^[0-9a-f]{8} {2}.* old {2}1\d\d files left {2}".*" and 1\d\d more to /m);
      const end = await lab.dync(["resume", "--jobs", "8", "--json"]);
      expect(end.code).toBe(0);
      const { files, stored, already } = summaryOf(end) as Record<string, number>;
      expect(files).toBeLessThan(200);
      expect((stored ?? 0) + (already ?? 0)).toBe(files as number);
      await expectAllStored(paths);
      expect(lab.published().filter((it) => it.includes(`/${signal.toLowerCase()}-`))).toHaveLength(600);
      await expectNothingUnfinished();
    });
  }

  test("taken up by the same command is the same batch", async () => {
    const paths = await stopped("same", "SIGKILL");
    const end = await lab.send(paths);
    expect(end).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^200 files: \d+ stored .*already$/m),
    });
    await expectAllStored(paths);
    await expectNothingUnfinished();
  });

  test("that another process is sending is skipped, and can be dropped when it is not", async () => {
    const paths = await files("busy", 400);
    await using program = lab.startSend(["--jobs", "1", ...paths]);
    await begun(program, "busy");
    expect(await lab.send(["-q", ...paths])).toMatchObject({
      code: 1,
      stderr:
        "dync: error: Another dync process is sending the same files already\n" +
        "dync: hint: wait for it, or stop it and give this command again\n",
    });
    const skipped = await lab.dync(["resume"]);
    expect(skipped.stderr).toMatch(/^Skipped ".*" and \d+ more to .*: another dync process is sending it$/m);
    expect(skipped.code).toBe(3);
    const listed = await lab.dync(["uploads", "--json"]);
    const [batch] = JSON.parse(listed.stdout).batches;
    expect(await lab.dync(["cancel", batch.id])).toMatchObject({ code: 1 });
    program.signal("SIGKILL");
    await program.ended();
    const dropped = await lab.dync(["cancel", batch.id]);
    expect(dropped).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^Dropped ".*" and \d+ more to /),
    });
    await expectNothingUnfinished();
  });

  test("lives through a server that is killed and comes back", async () => {
    const paths = await files("cut", 200);
    await using program = lab.startSend(["--jobs", "8", ...paths]);
    await begun(program, "cut");
    await lab.server.kill();
    await lab.start();
    expect(await program.ended(60_000)).toMatchObject({ code: 0 });
    await expectAllStored(paths);
    await expectNothingUnfinished();
  });

  const tmuxMissing = Bun.which("tmux") === null ? "tmux is not installed" : null;
  for (const columns of [80, 40]) {
    test.skipIf(tmuxMissing !== null)(
      `is a block of lines on a terminal of ${columns} columns, and gone in the end (${tmuxMissing ?? "tmux"})`,
      async () => {
        const name = `terminal-${columns}`;
        const paths = await Promise.all([1, 2, 3].map((at) => lab.file(`${name}-${at}.raw`, 60_000_000)));
        const socket = lab.folder.file("tmux.sock");
        const tmux = (...args: string[]) => runProgram(["tmux", "-S", socket, "-f", "/dev/null", ...args]);
        const screen = async () => (await tmux("capture-pane", "-p", "-t", "dync")).stdout.trimEnd();
        // So slowly that its blocks are seen on any machine.
        const send = `DYNC_HOME='${lab.homes.client}' '${lab.programs.dync}' --limit 60MB/s -k a:b 127.0.0.1:${lab.port} ${paths.join(" ")}`;
        const shell = `${send}; echo "status $?"; exec cat`;
        await tmux("new-session", "-d", "-s", "dync", "-x", String(columns), "-y", "12", shell);
        try {
          const seen = new Set<string>();
          let last = await screen();
          for (; !last.includes("status "); last = await screen()) seen.add(last);
          const blocks = [...seen].filter((text) => text.includes("%"));
          expect(blocks.length).toBeGreaterThan(2);
          for (const block of blocks) {
            const [overall, ...files] = block.split("\n");
            expect(overall).toMatch(/^\d( of |\/)3.* \d+ %/);
            expect(files.length).toBeLessThanOrEqual(3);
            // On a busy machine one may be waited with.
            for (const file of files) expect(file).toMatch(/^(termina|waiting for |the server )/);
            for (const line of [overall, ...files]) expect(line?.length).toBeLessThan(columns);
          }
          expect(Math.max(...blocks.map((block) => block.split("\n").length))).toBeGreaterThan(2);
          expect(last.replaceAll("\n", "")).toMatch(/^3 files: 3 stored \(172 MiB in .*\/s\)status 0$/);
        } finally {
          await tmux("kill-server");
        }
      },
    );
  }
});
