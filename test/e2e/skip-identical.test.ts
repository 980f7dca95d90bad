// `--skip-identical` with the compiled programs: what is there already, under any name, is not sent again.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

const MiB = 1024 * 1024;

describe.skipIf(executablesMissing !== null)(`--skip-identical (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let run: string;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    run = join(lab.folder.file("files"), "run1");
    await mkdir(join(run, "sub"), { recursive: true });
    for (const name of ["x.raw", "sub/y.raw"]) await writeFile(join(run, name), name);
    expect((await lab.send(["--dataset", run])).code).toBe(0);
    expect((await lab.send([await lab.file("a.raw", 3 * MiB)])).code).toBe(0);
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const send = (...args: readonly string[]) => lab.send(["--skip-identical", ...args]);
  const copied = async (name: string): Promise<string> => {
    const path = join(lab.folder.file("files"), name);
    await cp(lab.folder.file("files", "a.raw"), path);
    return path;
  };

  test("a file is found under its own name and under another one, and nothing is stored", async () => {
    const before = lab.published();
    expect(await send(lab.folder.file("files", "a.raw"))).toMatchObject({
      code: 0,
      stderr: 'Stored already: "a.raw", the same content and metadata\n',
    });
    const path = await copied("b.raw");
    expect(await send(path)).toMatchObject({
      code: 0,
      stderr: 'Stored already: "b.raw", as "a.raw" with the same content and metadata\n',
    });
    const { stdout } = await send("--json", path);
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      ok: true,
      already: true,
      storedAs: "a.raw",
      bytes: 3 * MiB,
    });
    expect(lab.published()).toEqual(before);
  });

  test("with other metadata it is sent, and is found with these from then on", async () => {
    const path = await copied("c.raw");
    const other = () => lab.dync(["-k", "sample:S-18", "--skip-identical", `127.0.0.1:${lab.port}`, path]);
    expect((await other()).stderr).toStartWith('Stored "c.raw"');
    await lab.expectStored(path);
    expect((await other()).stderr).toStartWith("Stored already");
  });

  test("what another user has is sent", async () => {
    const home = await lab.user("bert");
    const path = await copied("d.raw");
    const end = await lab.send(["--skip-identical", path], { env: { DYNC_HOME: home } });
    expect(end).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Stored "d\.raw"/) });
  });

  test("a name with another content stays an error", async () => {
    const path = join(lab.folder.file("files"), "sub-a", "a.raw");
    await mkdir(join(path, ".."));
    await writeFile(path, "other");
    expect(await send(path)).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("with other content"),
    });
  });

  test("a dataset is found by the list of its files, whatever its folder is called", async () => {
    const copy = join(lab.folder.file("files"), "run2");
    await cp(run, copy, { recursive: true });
    expect(await send("--dataset", copy)).toMatchObject({
      code: 0,
      stderr: 'Stored already: "run2", as "run1" with the same content and metadata\n',
    });
    await writeFile(join(copy, "new.raw"), "n");
    expect((await send("--dataset", copy)).stderr).toContain('Stored "run2"');
    expect(await readFile(join(lab.data, "alice", "run2", "new.raw"), "utf8")).toBe("n");
  });

  test("of many files those alone are sent that are new", async () => {
    const folder = join(lab.folder.file("files"), "many");
    await mkdir(folder);
    for (let number = 0; number < 20; number++)
      await writeFile(join(folder, `m${number}.raw`), `content ${number}`);
    expect((await lab.send(["-r", folder])).code).toBe(0);
    const again = join(lab.folder.file("files"), "again");
    await mkdir(again);
    for (let number = 0; number < 25; number++)
      await writeFile(join(again, `n${number}.raw`), `content ${number}`);
    const { code, stdout } = await send("--json", "-r", again);
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      files: 25,
      stored: 5,
      already: 20,
    });
    expect(lab.published().filter((path) => /^alice\/n\d+\.raw$/.test(path)).length).toBe(5);
  });

  test("2: of standard input nothing is known before", async () => {
    const end = await lab.send(["--skip-identical", "-n", "x.raw"], { stdin: new Blob(["x"]) });
    expect(end).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is about files, and none is given"),
    });
  });
});
