// `dync check` with the compiled programs: what is stored, differs or is missing, and nothing else happens.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";
import { onTerminal, terminalMissing } from "../support/terminal.ts";

const MiB = 1024 * 1024;

describe.skipIf(executablesMissing !== null)(`dync check (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let day: string;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    day = join(lab.folder.file("files"), "day7");
    await mkdir(join(day, "sub", "empty"), { recursive: true });
    for (const [name, content] of Object.entries({ "a.raw": "a", "sub/b.raw": "bb", "sub/c.raw": "ccc" }))
      await writeFile(join(day, name), content);
    expect((await lab.send(["-r", day])).code).toBe(0);
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const to = () => `127.0.0.1:${lab.port}`;
  const check = (...args: readonly string[]) => lab.dync(["check", ...args]);

  test("0: all files of a folder are there", async () => {
    expect(await check(to(), day)).toMatchObject({ code: 0, stdout: "", stderr: "3 files: 3 stored\n" });
    expect((await check("-q", to(), join(day, "a.raw"))).stderr).toBe("");
  });

  test("3: what is missing or differs is named, and what is on the server stays as it is", async () => {
    const other = join(lab.folder.file("files"), "other");
    await cp(day, other, { recursive: true });
    await writeFile(join(other, "a.raw"), "x");
    await writeFile(join(other, "sub", "b.raw"), "longer");
    await writeFile(join(other, "new.raw"), "n");
    const before = lab.published();
    const { code, stdout, stderr } = await check(to(), other);
    expect(code).toBe(3);
    expect(stderr).toBe("4 files: 1 stored, 2 differ, 1 missing\n");
    expect(stdout.trimEnd().split("\n").sort()).toEqual([
      `differs  ${other}/a.raw: other content`,
      `differs  ${other}/sub/b.raw: other content: 2 bytes there, 6 here`,
      `missing  ${other}/new.raw`,
    ]);
    const shouted = await lab.file("C.RAW", "ccc");
    const why = 'There is a file "c.raw" on the server already, and "C.RAW" counts as the same name';
    expect((await check(to(), shouted)).stdout).toBe(`differs  ${shouted}: ${why}\n`);
    expect(lab.published()).toEqual(before);
    await rm(other, { recursive: true });
  });

  test.skipIf(terminalMissing !== null)(
    `of a dataset shows on a terminal how much of it was read, and nothing elsewhere (${terminalMissing ?? "terminal"})`,
    async () => {
      const run = join(lab.folder.file("files"), "large run");
      await mkdir(run);
      for (const name of ["1.raw", "2.raw"]) {
        await writeFile(join(run, name), name);
        await truncate(join(run, name), 400 * MiB);
      }
      expect(await lab.send(["-q", "--dataset", run])).toMatchObject({ code: 0 });
      const command = [lab.programs.dync, "check", "--dataset", to(), run];
      const env = { DYNC_HOME: lab.homes.client, TERM: "xterm" };
      const shown = await runProgram(onTerminal(command), { env });
      const lines = shown.stdout.matchAll(/^0 of 1 files +([\d.]+) MiB/gm);
      const shares = Array.from(lines, ([, share]) => Number(share));
      expect(shares.length).toBeGreaterThan(1);
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      expect(shares.at(-1)).toBeGreaterThan(0);
      expect(shown.stdout).toMatch(/^1 dataset: 1 stored.* %.* of 800 MiB/m);
      // Lines of progress come each second: of a quick machine there is none.
      const told = (await check("--json", "--dataset", to(), run)).stdout.trimEnd().split("\n");
      const status = told.map((line) => JSON.parse(line)).filter(({ type }) => type === "status");
      for (const it of status) expect(it).toMatchObject({ name: "large run", underWay: 0, total: 800 * MiB });
      expect(await check("--dataset", to(), run)).toMatchObject({ code: 0, stderr: "1 dataset: 1 stored\n" });
      await rm(run, { recursive: true });
    },
  );

  test("metadata count where some are said", async () => {
    const path = join(day, "a.raw");
    expect((await check("-k", "sample:S-17", to(), path)).code).toBe(0);
    const other = await check("-k", "sample:S-18", to(), path);
    expect(other).toMatchObject({ code: 3, stdout: `differs  ${path}: other metadata, the same content\n` });
  });

  test("what has another name is found by its content, if that is asked for", async () => {
    const path = await lab.file("renamed.raw", "ccc");
    expect((await check(to(), path)).stdout).toBe(`missing  ${path}\n`);
    const found = await check("--by-content", to(), path);
    expect(found).toMatchObject({ code: 0, stderr: `"${path}" is stored as "c.raw"\n1 file: 1 stored\n` });
    expect((await check("--by-content", to(), await lab.file("no.raw", "nowhere"))).code).toBe(3);
  });

  test("another user's files are missing, whatever they are called", async () => {
    const home = await lab.user("bert");
    const end = await lab.dync(["check", "--by-content", to(), join(day, "a.raw")], {
      env: { DYNC_HOME: home },
    });
    expect(end).toMatchObject({ code: 3, stdout: `missing  ${join(day, "a.raw")}\n` });
  });

  test("datasets are compared by what is in them", async () => {
    const run = join(lab.folder.file("files"), "run1");
    await mkdir(join(run, "deep"), { recursive: true });
    for (const name of ["z.raw", "deep/ä.raw"]) await writeFile(join(run, name), name);
    expect((await lab.send(["--dataset", run])).code).toBe(0);
    expect(await check("--dataset", to(), `${run}/`)).toMatchObject({
      code: 0,
      stderr: "1 dataset: 1 stored\n",
    });
    const single = await check(to(), run);
    expect(single.stderr).toBe(
      "2 files: 2 missing\nA folder that was sent as a dataset is checked with --dataset\n",
    );
    // Another folder with the same in it.
    const copy = join(lab.folder.file("files"), "copy");
    await cp(run, copy, { recursive: true });
    expect((await check("--dataset", "-n", "run1", to(), copy)).code).toBe(0);
    expect((await check("--dataset", "--by-content", to(), copy)).code).toBe(0);
    await writeFile(join(copy, "new.raw"), "n");
    const changed = await check("--dataset", "-n", "run1", to(), copy);
    expect(changed).toMatchObject({ code: 3, stdout: `differs  ${copy}: other content\n` });
    const file = await lab.file("run1.raw", "x");
    expect((await check("-n", "run1", to(), file)).stdout).toBe(
      `differs  ${file}: a dataset has that name\n`,
    );
  });

  test("--json has a line for each file, and the summary", async () => {
    const paths = [join(day, "a.raw"), lab.folder.file("gone.raw"), await lab.file("new.raw", "n")];
    const { stdout, stderr } = await check("--json", to(), ...paths);
    const linesOf = (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    const lines = linesOf(stdout);
    const files = lines.filter(({ type }) => type === "file").sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(files).toEqual([
      expect.objectContaining({
        name: "a.raw",
        outcome: "stored",
        size: 1,
        sha256: expect.stringMatching(/^ca978112/),
      }),
      expect.objectContaining({ name: "gone.raw", outcome: "failed", code: "source" }),
      expect.objectContaining({ name: "new.raw", outcome: "missing" }),
    ]);
    const counts = { files: 3, stored: 1, missing: 1, failed: 1 };
    expect(lines.at(-1)).toMatchObject({ type: "summary", ok: false, exit: 3, ...counts });
    expect(linesOf(stderr)).toContainEqual(expect.objectContaining({ type: "error", code: "source" }));
  });

  test.skipIf(process.platform === "win32")(
    "what cannot be read is told as the command that sends tells it (not on Windows)",
    async () => {
      const folder = join(lab.folder.file("files"), "loose");
      await mkdir(join(folder, "sub"), { recursive: true });
      await symlink("nowhere", join(folder, "sub", "link.raw"));
      const failure = async (args: readonly string[]): Promise<unknown> => {
        const { code, stdout } = await lab.dync([...args, "--links", "follow", "--json", to(), folder]);
        expect(code).toBe(3);
        const { path, name, outcome, message } = JSON.parse(stdout.split("\n")[0] as string);
        return { path, name, outcome, message };
      };
      const told = await failure(["check"]);
      expect(told).toEqual(await failure(["send", "-k", "a:b", "-r"]));
      expect(told).toMatchObject({
        path: join(folder, "sub", "link.raw"),
        name: "link.raw",
        outcome: "failed",
      });
      await rm(folder, { recursive: true });
    },
  );

  test("what is wrong with the server ends it, once", async () => {
    const home = lab.homes.client;
    const end = await lab.dync(["check", "127.0.0.1:1", day], { env: { DYNC_HOME: home } });
    expect(end.code).toBe(5);
    expect(end.stderr.match(/Nothing listens/g)?.length).toBe(1);
  });

  test("2: without PATH, or a folder without files", async () => {
    expect((await check(to())).stderr).toContain("PATH is missing");
    expect(await check(to(), join(day, "sub", "empty"))).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("There is no file to be checked"),
    });
  });
});
