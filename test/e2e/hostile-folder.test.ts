// The executables started in a folder that an attacker has filled: nothing in it is run or read, whichever of Bun's
// files it pretends to be. What an attacker who owns the environment can do instead is in doc/security.md.

import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dependencies } from "../../package.json";
import { executables, executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const reason = executablesMissing === null ? "" : ` (skipped: ${executablesMissing})`;

test.skipIf(executablesMissing !== null)(
  `the version is told in a hostile folder, and nothing of the folder runs${reason}`,
  async () => {
    await using folder = await hostileFolder();
    const programs = await executables();
    for (const program of [programs.dync, programs.dyncServer]) {
      const end = await runProgram([program, "--version"], { cwd: folder.path });
      expect(end).toMatchObject({ code: 0, stderr: "" });
      expect(end.stdout).toMatch(/^dync(-server)? \d/);
    }
    expect(tracesIn(folder)).toEqual([]);
  },
);

test.skipIf(executablesMissing !== null)(
  `keys go where the user's environment says, not where a .env says${reason}`,
  async () => {
    await using folder = await hostileFolder();
    await using home = await tempFolder();
    const programs = await executables();
    for (const program of [programs.dync, programs.dyncServer]) {
      const options = { cwd: folder.path, env: { DYNC_HOME: "", HOME: home.path } };
      expect(await runProgram([program, "keygen"], options)).toMatchObject({ code: 0 });
    }
    const files = readdirSync(home.file(".dync"));
    for (const name of ["client.key_secret", "server.key_secret"]) expect(files).toContain(name);
    expect(tracesIn(folder)).toEqual([]);
  },
);

test.skipIf(executablesMissing !== null)(`a file is sent from a hostile folder${reason}`, async () => {
  await using folder = await hostileFolder();
  await using lab = await openLab();
  const path = await lab.file("run.raw", "measured");
  expect(await lab.send([path], { cwd: folder.path })).toMatchObject({ code: 0 });
  await lab.expectStored(path);
  expect(tracesIn(folder)).toEqual([]);
});

test("the trap works: a program compiled without our settings falls into it", async () => {
  await using folder = await hostileFolder();
  await using place = await tempFolder();
  const [entry, program] = [place.file("entry.ts"), place.file("program")];
  await writeFile(entry, 'process.stdout.write("started");\n');
  const command = [process.execPath, "build", "--compile", entry, "--outfile", program];
  expect(await runProgram(command)).toMatchObject({ code: 0 });
  expect(await runProgram([program], { cwd: folder.path })).toMatchObject({ code: 99, stdout: "" });
  expect(tracesIn(folder).length).toBe(1);
});

/** A folder where every file that Bun knows tries to run code, or to change what the programs do. */
async function hostileFolder(): Promise<TempFolder> {
  const folder = await tempFolder();
  const trace = JSON.stringify(folder.file("trace"));
  const attack = `require("node:fs").writeFileSync(${trace} + "-" + process.pid, "ran"); process.exit(99);\n`;
  const files: Readonly<Record<string, string>> = {
    "attack.js": attack,
    "bunfig.toml":
      'preload = ["./attack.js"]\n[run]\npreload = ["./attack.js"]\n[test]\npreload = ["./attack.js"]\n',
    ".bunfig.toml": 'preload = ["./attack.js"]\n',
    ".env": `DYNC_HOME=${folder.file("trace-home")}\nBUN_OPTIONS=--preload ./attack.js\nDYNC_LIBZMQ=${folder.file("attack.js")}\n`,
    ".env.production": `DYNC_HOME=${folder.file("trace-home")}\n`,
    ".env.local": `DYNC_HOME=${folder.file("trace-home")}\n`,
    "tsconfig.json":
      '{ "compilerOptions": { "paths": { "*": ["./attack.js"] }, "jsxImportSource": "./attack.js" } }',
    "package.json":
      '{ "name": "dync", "type": "commonjs", "main": "attack.js", "preload": "./attack.js", "imports": { "#*": "./attack.js" } }',
    "index.js": attack,
    "dync.ts": attack,
    "poll-worker.js": attack,
    "poll-worker.ts": attack,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(folder.file(name), content);
  for (const name of Object.keys(dependencies)) {
    const place = folder.file("node_modules", name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "index.js"), attack);
    await writeFile(join(place, "package.json"), `{ "name": "${name}", "main": "index.js" }`);
  }
  const lure = folder.file("src", "transport", "zmq");
  await mkdir(lure, { recursive: true });
  await writeFile(join(lure, "poll-worker.ts"), attack);
  await writeFile(join(lure, "poll-worker.js"), attack);
  return folder;
}

/** What an attack that ran has left behind. */
function tracesIn(folder: TempFolder): string[] {
  expect(existsSync(folder.file("bunfig.toml"))).toBe(true);
  return readdirSync(folder.path).filter((name) => name.startsWith("trace"));
}
