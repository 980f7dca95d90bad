// What the compiled client prints: for people on a terminal, for log files, for programs, and nothing when told so.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";

const tmuxMissing = Bun.which("tmux") === null ? "tmux is not installed" : null;
const columns = 80;

describe.skipIf(executablesMissing !== null)(
  `the client's output (${executablesMissing ?? "compiled"})`,
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await openLab({ inMemory: true });
    });
    afterAll(async () => await lab[Symbol.asyncDispose]());

    test("is the checksum line on stdout, and the rest on stderr", async () => {
      const path = await lab.file("plain.raw", 1000);
      const end = await lab.send([path]);
      expect(end.stdout).toMatch(/^[0-9a-f]{64} {2}plain\.raw\n$/);
      expect(end.stderr).toMatch(/^Stored "plain\.raw": .+ in .+\n$/);
    });

    test("can be piped into sha256sum where the file is", async () => {
      const path = await lab.file("piped.raw", 1000);
      const { stdout } = await lab.send([path]);
      const options = { cwd: lab.folder.file("files"), stdin: new Blob([stdout]) };
      expect(await runProgram(["sha256sum", "-c"], options)).toMatchObject({
        code: 0,
        stdout: "piped.raw: OK\n",
      });
    });

    test("is nothing with -q, but for errors", async () => {
      const path = await lab.file("quiet.raw", 1000);
      expect(await lab.send(["-q", path])).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect(await lab.send(["-q", "-n", "aux", path])).toMatchObject({
        code: 7,
        stdout: "",
        stderr: expect.stringMatching(/^dync: error: .+\ndync: hint: .+\n$/),
      });
    });

    test("is a line every ten seconds where nobody watches", async () => {
      await using program = lab.startSend(["-n", "slow.raw"], { stdin: "pipe" });
      await lab.server.line(/"Upload started".*slow/);
      await program.line(/slow\.raw/, 15_000);
      const input = program.child.stdin as Bun.FileSink;
      input.write("data");
      await input.end();
      const end = await program.ended();
      expect(end.code).toBe(0);
      expect(end.stderr).not.toContain("\r");
      expect(end.stderr).not.toContain("\u001b");
      expect(end.stderr.split("\n").length).toBeLessThan(5);
    });

    test("is JSON lines with --json, the last one the summary", async () => {
      const path = await lab.file("json.raw", 5_000_000);
      const end = await lab.send(["--json", path]);
      expect(end.stderr).toBe("");
      const lines = jsonLines(end.stdout);
      expect(lines.every(({ schema, type }) => schema === 1 && typeof type === "string")).toBe(true);
      expect(lines.slice(0, -1).map(({ type }) => type)).toContain("status");
      expect(lines.at(-1)).toMatchObject({
        type: "summary",
        ok: true,
        exit: 0,
        name: "json.raw",
        bytes: 5_000_000,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        uploadId: expect.any(String),
        server: "127.0.0.1",
        port: lab.port,
      });
    });

    test("is a JSON error on stderr and a summary that says so", async () => {
      const path = await lab.file("json-taken.raw", 10);
      await lab.send([path]);
      const other = await lab.file("json-other.raw", 20);
      const end = await lab.send(["--json", other, "-n", "json-taken.raw"]);
      expect(jsonLines(end.stderr)).toEqual([
        expect.objectContaining({
          schema: 1,
          type: "error",
          code: "name-taken",
          exit: 7,
          message: expect.any(String),
        }),
      ]);
      expect(jsonLines(end.stdout).at(-1)).toMatchObject({ type: "summary", ok: false, exit: 7 });
    });

    test("does not end the upload when its reader goes away", async () => {
      const path = await lab.file("closed.raw", 5_000_000);
      const command = `"${lab.programs.dync}" --json -k a:b 127.0.0.1:${lab.port} "${path}" | true`;
      await runProgram(["sh", "-c", `set -e; ${command}`], { env: { DYNC_HOME: lab.homes.client } });
      await lab.server.line(/"Upload finished".*closed/);
      await lab.expectStored(path);
    });

    test.skipIf(tmuxMissing !== null)(
      `is one line on a terminal, redrawn, and gone in the end (${tmuxMissing ?? "tmux"})`,
      async () => {
        const path = await lab.file("terminal.raw", 300_000_000);
        const screen = async () => (await tmux("capture-pane", "-p", "-t", "dync")).stdout;
        const socket = lab.folder.file("tmux.sock");
        const tmux = (...args: string[]) => runProgram(["tmux", "-S", socket, "-f", "/dev/null", ...args]);
        const send = `DYNC_HOME='${lab.homes.client}' '${lab.programs.dync}' -k a:b 127.0.0.1:${lab.port} '${path}'`;
        const shell = `${send}; echo "status $?"; exec cat`;
        await tmux("new-session", "-d", "-s", "dync", "-x", String(columns), "-y", "10", shell);
        try {
          await lab.server.line(/"Upload started".*terminal/);
          const seen = new Set<string>();
          let last = await screen();
          for (; !last.includes("status "); last = await screen()) seen.add(last.trimEnd());
          const bars = [...seen].filter((text) => text.includes("%"));
          expect(bars.length).toBeGreaterThan(2);
          for (const bar of bars) {
            expect(bar.split("\n")).toHaveLength(1);
            expect(bar).toMatch(/^terminal\.raw .*\d %/);
            expect(bar.length).toBeLessThan(columns);
          }
          // The checksum line is longer than the terminal is wide.
          expect(last.replaceAll("\n", "")).toMatch(
            /^Stored "terminal\.raw": .*\/s[0-9a-f]{64} {2}terminal\.rawstatus 0$/,
          );
        } finally {
          await tmux("kill-server");
        }
      },
    );
  },
);

function jsonLines(text: string): readonly Record<string, unknown>[] {
  expect(text.endsWith("\n")).toBe(true);
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
