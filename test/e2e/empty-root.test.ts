// The executables need nothing but the C runtime, and the C++ runtime where libzmq is the npm package's: a client and a
// server, each in a folder tree that holds only that and themselves, exchange a file. Bun wants /proc and /dev/null, as every Linux system has them.

import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { stageLibrary } from "../../build/stage.ts";
import { hostTarget } from "../../src/transport/zmq/target.ts";
import { executables, executablesMissing, makeKeys } from "../support/executables.ts";
import { patchesMissing } from "../support/own-library.ts";
import { runProgram, startProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const reason = executablesMissing ?? reasonAgainst();

describe.skipIf(reason !== null)(`a folder tree${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  test("with nothing but the runtime is enough to send and to store a file", async () => {
    await using folder = await tempFolder();
    const programs = await executables();
    const homes = await makeKeys(programs, folder.path);
    const [lab, central] = [folder.file("lab"), folder.file("central")];
    await makeRoot(lab, programs.dync, homes.client);
    await makeRoot(central, programs.dyncServer, homes.server);
    mkdirSync(join(central, "data"));
    writeFileSync(join(lab, "run.raw"), "measured");

    const listen = ["run", "--data", "/data", "--bind", "127.0.0.1", "--port", "0", "--log-format", "json"];
    await using server = startProgram(inside(central, listen));
    const listening = await server.line(/"message":\s*"Listening"/);
    const { port } = JSON.parse(listening.input ?? "") as { port: number };
    const end = await runProgram(inside(lab, ["-q", "-k", "sample:S-17", `127.0.0.1:${port}`, "/run.raw"]));
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(join(central, "data/alice/run.raw"), "utf8")).toBe("measured");
  });

  const brought = patchesMissing === null ? " (skipped: our own libzmq brings it)" : "";
  test.skipIf(brought !== "")(`without the C++ runtime gets a sentence${brought}`, async () => {
    await using folder = await tempFolder();
    const programs = await executables();
    const homes = await makeKeys(programs, folder.path);
    const lab = folder.file("lab");
    await makeRoot(lab, programs.dync, homes.client);
    writeFileSync(join(lab, "run.raw"), "measured");
    for (const library of globSync("**/libstdc++.so.6", { cwd: lab })) rmSync(join(lab, library));
    const send = ["-q", "-k", "sample:S-17", "127.0.0.1:1", "/run.raw"];
    const { code, stderr } = await runProgram(inside(lab, send));
    expect(code).toBe(2);
    expect(stderr).toContain("libstdc++.so.6");
    expect(stderr).toContain('install the C++ runtime: "apt install libstdc++6"');
    expect(stderr.trim().split("\n")).toHaveLength(2);
  });
});

/** Copies the program, its keys and the libraries that it and libzmq are linked with. */
async function makeRoot(root: string, program: string, home: string): Promise<void> {
  for (const name of ["proc", "dev", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, "dev/null"), "");
  copyFileSync(program, join(root, "program"));
  expect(await runProgram(["cp", "-a", home, join(root, "home")])).toMatchObject({ code: 0 });
  for (const file of [program, stageLibrary(hostTarget()).path]) {
    const linked = await runProgram(["ldd", file]);
    for (const [library] of linked.stdout.matchAll(/\/\S+/g)) {
      if (!existsSync(library)) continue;
      mkdirSync(dirname(join(root, library)), { recursive: true });
      copyFileSync(realpathSync(library), join(root, library));
    }
  }
}

/** Runs the program of `root` there, with mounts of its own that vanish with it. */
function inside(root: string, args: readonly string[]): string[] {
  const script = `
    mount --bind /dev/null "$0/dev/null" && mount -t proc proc "$0/proc" || exit 99
    root=$0
    exec env -i DYNC_HOME=/home ${Bun.which("chroot")} "$root" /program "$@"`;
  return ["unshare", "--mount", "sh", "-c", script, root, ...args];
}

function reasonAgainst(): string | null {
  if (process.platform !== "linux") return "not on Linux";
  if (process.getuid?.() !== 0) return "needs root";
  for (const tool of ["unshare", "chroot", "ldd", "mount"])
    if (Bun.which(tool) === null) return `no ${tool} here`;
  const trial = Bun.spawnSync(["unshare", "--mount", "sh", "-c", "mount --bind /dev/null /dev/null"]);
  return trial.exitCode === 0 ? null : "mounting is not allowed here";
}
