// What a user sends is what is stored: every size, name and way of giving a file, with the compiled programs.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, readFile, stat } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { startProgram } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";

const chunk = 65_536;
const window = 8;

describe.skipIf(executablesMissing !== null)(`a file (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true, server: ["--chunk", String(chunk), "--window", String(window)] });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const sizes: [string, number][] = [
    ["no bytes", 0],
    ["one byte", 1],
    ["one byte less than a chunk", chunk - 1],
    ["exactly one chunk", chunk],
    ["one byte more than a chunk", chunk + 1],
    ["one byte less than a full window", chunk * window - 1],
    ["exactly as many chunks as a window has", chunk * window],
    ["one byte more than a full window", chunk * window + 1],
    ["100 MB", 100_000_000],
  ];
  for (const [text, size] of sizes) {
    test(`of ${text} arrives whole`, async () => {
      const path = await lab.file(`size-${size}.raw`, size);
      const end = await lab.send([path]);
      expect(end).toMatchObject({ code: 0 });
      await lab.expectStored(path);
    });

    test(`of ${text} arrives whole from standard input`, async () => {
      const path = await lab.file(`piped-${size}.raw`, size);
      const end = await lab.send(["-n", `piped-${size}.raw`], { stdin: Bun.file(path) });
      expect(end).toMatchObject({ code: 0 });
      await lab.expectStored(path);
    });
  }

  test('named "-" is standard input', async () => {
    const path = await lab.file("dash.raw", "from a pipe");
    expect(await lab.send(["-n", "dash.raw", "-"], { stdin: Bun.file(path) })).toMatchObject({ code: 0 });
    await lab.expectStored(path);
  });

  test.skipIf(referenceMissing !== null)("from a pipe that was set not to wait arrives whole", async () => {
    const script = "import os, sys; os.set_blocking(0, False); os.execv(sys.argv[1], sys.argv[1:])";
    const args = ["-k", "a:b", "-n", "no-wait.raw", `127.0.0.1:${lab.port}`];
    await using program = startProgram(["/usr/bin/python3", "-c", script, lab.programs.dync, ...args], {
      env: { DYNC_HOME: lab.homes.client },
      stdin: "pipe",
    });
    await lab.server.line(/"Upload started".*no-wait/);
    const path = await lab.file("no-wait.raw", 3_000_000);
    const stdin = program.child.stdin as Bun.FileSink;
    stdin.write(await readFile(path));
    await stdin.end();
    expect(await program.ended()).toMatchObject({ code: 0 });
    await lab.expectStored(path);
  });

  for (const name of [
    "with spaces in it.raw",
    "Müller-Größe µ 試料.raw",
    "naïve 'quotes' & $HOME;.raw",
    "#1.raw",
  ]) {
    test(`named ${JSON.stringify(name)} keeps its name`, async () => {
      const path = await lab.file(name, 1000);
      expect(await lab.send([path])).toMatchObject({ code: 0 });
      await lab.expectStored(path);
    });
  }

  test("is stored under the last part of its path only", async () => {
    const path = await lab.file("base-name.raw", 10);
    const relative = `../${lab.folder.path.split("/").at(-1)}/files/base-name.raw`;
    expect(await lab.send([relative], { cwd: lab.folder.path })).toMatchObject({ code: 0 });
    await lab.expectStored(path);
  });

  test("is stored under the name given with -n", async () => {
    const path = await lab.file("inner.raw", 10);
    expect(await lab.send([path, "-n", "renamed.raw"])).toMatchObject({ code: 0 });
    await lab.expectStored(path, "renamed.raw");
    expect(lab.published().join("\n")).not.toContain("somewhere");
  });

  test("given twice is refused the second time, and the first one stays", async () => {
    const path = await lab.file("twice.raw", "first");
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    await lab.file("twice.raw", "second, and longer");
    expect(await lab.send([path])).toMatchObject({ code: 7 });
    expect(await readFile(lab.stored("twice.raw"), "utf8")).toBe("first");
  });

  test("is described by -m and -k, of which -k wins", async () => {
    const meta = await lab.file(
      "meta.json",
      '{"sample": "from -m", "run": {"number": 7, "tags": ["a", "ü"]}, "n": 1.5}',
    );
    const path = await lab.file("described.raw", 10);
    const args = [
      "-m",
      meta,
      "-k",
      "sample:from -k",
      "-k",
      "link:https://example.org:8080/x",
      "-k",
      "empty:",
    ];
    expect(await lab.dync([...args, `127.0.0.1:${lab.port}`, path])).toMatchObject({ code: 0 });
    expect(await lab.metadata("described.raw")).toEqual({
      sample: "from -k",
      run: { number: 7, tags: ["a", "ü"] },
      n: 1.5,
      link: "https://example.org:8080/x",
      empty: "",
    });
  });

  test("says in its sidecar where it came from", async () => {
    const path = await lab.file("origin.raw", "four");
    const sent = await lab.send([path]);
    const sidecar = JSON.parse(await readFile(`${lab.stored("origin.raw")}.meta.json`, "utf8"));
    const sha256 = sent.stdout.split(" ")[0];
    expect(sidecar).toMatchObject({
      sample: "S-17",
      _dync: { user: "alice", name: "origin.raw", size: 4, sha256 },
    });
    expect(await readFile(`${lab.stored("origin.raw")}.sha256`, "utf8")).toBe(`${sha256}  origin.raw\n`);
    expect(sent.stdout).toBe(`${sha256}  origin.raw\n`);
    expect(Date.parse(sidecar._dync.received)).toBeGreaterThan(Date.parse("2024-01-01"));
  });

  test("is readable like any other new file, and its source's mode says nothing", async () => {
    const path = await lab.file("mode.raw", 10);
    await chmod(path, 0o700);
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    const modes = ["", ".sha256", ".meta.json"].map(
      async (suffix) => (await stat(lab.stored(`mode.raw${suffix}`))).mode & 0o777,
    );
    const expected = 0o666 & ~process.umask();
    expect(await Promise.all(modes)).toEqual([expected, expected, expected]);
    expect((await stat(`${lab.data}/.dync`)).mode & 0o777).toBe(0o700);
  });

  test("leaves nothing behind on either side", async () => {
    const path = await lab.file("tidy.raw", 10);
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    const left = new Bun.Glob("uploads/**/*").scan({ cwd: lab.homes.client });
    expect(await Array.fromAsync(left)).toEqual([]);
    expect(await Array.fromAsync(new Bun.Glob("*").scan({ cwd: `${lab.data}/.dync/partial` }))).toEqual([]);
  });
});
