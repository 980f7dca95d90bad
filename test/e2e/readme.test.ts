// Every command in the README works as it stands there. Blocks of `sh` run as they are in the checkout, unless a comment
// before them says otherwise: `<!-- not run: needs a server -->` blocks run in a lab and on a server of this test's
// own, whose names take the place of the README's; `<!-- not run: REASON -->` ones do not run.

import { describe, expect, test } from "bun:test";
import { existsSync, globSync, readFileSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { executables, executablesMissing } from "../support/executables.ts";
import { type Program, runProgram, startProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const root = resolve(import.meta.dir, "../..");
const readme = join(root, "README.md");
const needsServer = "needs a server";
const blocks = existsSync(readme) ? blocksOf(readFileSync(readme, "utf8")) : [];
const deadlineMs = 300_000;

interface Block {
  readonly commands: readonly string[];
  /** Why it is not run as it is, or `null`. */
  readonly reason: string | null;
}

describe.skipIf(executablesMissing !== null || blocks.length === 0)("the README", () => {
  for (const { commands, reason } of blocks) {
    if (reason !== null) continue;
    for (const command of commands) {
      test(
        `says: ${command}`,
        async () => {
          const end = await runProgram(["sh", "-c", command], { cwd: root }, deadlineMs);
          expect({ code: end.code, stderr: end.code === 0 ? "" : end.stderr }).toEqual({
            code: 0,
            stderr: "",
          });
        },
        deadlineMs,
      );
    }
  }

  test("says how to make keys, run a server and send", async () => {
    await using folder = await tempFolder();
    const programs = await executables();
    const path = `${dirname(programs.dync)}:${process.env.PATH}`;
    const [lab, central] = [folder.file("lab"), folder.file("central")];
    for (const home of [lab, central]) await mkdir(home);
    const commands = blocks.filter(({ reason }) => reason === needsServer).flatMap((block) => block.commands);
    const isServers = (command: string) => /dync-server|^cp meyer/.test(command);
    const run = (home: string) => async (command: string) => {
      const end = await runProgram(["sh", "-c", command], {
        cwd: home,
        env: { HOME: home, PATH: path, DYNC_HOME: "" },
      });
      expect({ command, code: end.code, stderr: end.code === 0 ? "" : end.stderr }).toEqual({
        command,
        code: 0,
        stderr: "",
      });
    };

    const atCentral = commands.filter(isServers);
    const start = atCentral.pop() as string;
    const atLab = commands.filter((command) => !isServers(command));
    const sends = atLab.filter((command) => command.includes("server.example.org"));
    await run(central)(atCentral.shift() as string);
    await copyFile(`${central}/.dync/server.key`, `${lab}/server.key`);
    for (const command of atLab.filter((it) => !sends.includes(it))) await run(lab)(command);
    const [handOver] = globSync("*@*.key", { cwd: `${lab}/.dync` });
    await copyFile(`${lab}/.dync/${handOver}`, `${central}/meyer@pc7.key`);
    for (const command of atCentral) await run(central)(command);

    await using server = startServerAsTold(start, central, path);
    const port = (await server.line(/Listening.*port=(\d+)/))[1];
    await mkdir(`${lab}/run42`);
    for (const name of ["run42.raw", "run43.raw", "run42/part.raw"]) await writeFile(join(lab, name), "data");
    await writeFile(`${lab}/run42.json`, '{"sample": "QB-0815"}');
    expect(sends.length).toBeGreaterThan(0);
    for (const command of sends) await run(lab)(command.replace("server.example.org", `127.0.0.1:${port}`));
    expect(existsSync(`${central}/srv/dync/meyer/run42.tar.meta.json`)).toBe(true);
    const check = "cd srv/dync/meyer && sha256sum --strict -c *.sha256";
    expect(await runProgram(["sh", "-c", check], { cwd: central })).toMatchObject({ code: 0 });
  });
});

/** The README's command, below a folder of ours and on a free port; the shell makes way for the server. */
function startServerAsTold(command: string, home: string, path: string): Program {
  const ours = command
    .replaceAll("/srv/", `${home}/srv/`)
    .replace("dync-server run", "exec dync-server run --bind 127.0.0.1 --port 0");
  return startProgram(["sh", "-c", ours], { env: { HOME: home, PATH: path, DYNC_HOME: "" } });
}

/** The `sh` blocks of a Markdown text, their commands without comments. */
function blocksOf(markdown: string): readonly Block[] {
  const pattern = /(?:<!-- not run: ([^\n]*?) -->\n)?```sh\n(.*?)```/gs;
  return [...markdown.matchAll(pattern)].map(([, reason, text = ""]) => ({
    reason: reason ?? null,
    commands: text
      .split("\n")
      .map((line) => line.replace(/(^|\s+)# .*$/, "").trim())
      .filter((line) => line !== ""),
  }));
}
