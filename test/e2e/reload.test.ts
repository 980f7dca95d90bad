// A server takes another configuration while it runs: an upload that is under way goes on, what is wrong changes nothing, and
// whoever asked is told.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileSink } from "bun";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import type { ProgramEnd } from "../support/programs.ts";

const MiB = 1024 * 1024;
const isWindows = process.platform === "win32";

describe.skipIf(executablesMissing !== null)(`reload (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const file = () => join(lab.homes.server, "server.toml");
  const write = (text: string) => writeFileSync(file(), text);
  const reload = async (...args: readonly string[]): Promise<ProgramEnd> =>
    await lab.dyncServer(["reload", ...args]);

  /** Begins to send what the test goes on to write. */
  async function begun(name: string) {
    const program = lab.startSend(["-q", "-n", name, "-"], { stdin: "pipe" });
    const input = program.child.stdin as FileSink;
    const part = Buffer.alloc(5 * MiB, name);
    input.write(part);
    await input.flush();
    await lab.server.line(new RegExp(`Upload started.*${name}`));
    const parts = [part];
    const go = async (): Promise<void> => {
      input.write(part);
      parts.push(part);
      await input.flush();
    };
    const end = async (): Promise<void> => {
      await input.end();
      expect(await program.ended()).toMatchObject({ code: 0, stderr: "" });
      await lab.expectStored(await lab.file(name, Buffer.concat(parts)));
    };
    return { go, end, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
  }

  test("an upload survives ten configurations, right and wrong ones, and is whole", async () => {
    await using upload = await begun("survivor.raw");
    for (let round = 0; round < 5; round++) {
      write(`expire = "${round + 1}d"\nuploads-per-user = ${round + 1}\nwindow = 1\n`);
      expect(await reload()).toMatchObject({ code: 0 });
      await upload.go();
      write(`expire = "${round + 1} days"\nuploads-per-user = 0\n`);
      expect(await reload()).toMatchObject({ code: 2, stdout: "" });
      await upload.go();
    }
    await upload.end();
    expect(lab.server.running).toBe(true);
  });

  test("says what changed, what waits for a restart, and that nothing did", async () => {
    write("");
    await reload();
    write('expire = "3d"\nport = 1\ndata = "elsewhere"\n');
    const end = await reload();
    expect(end).toMatchObject({ code: 0, stdout: "expire: 7d -> 3d\n" });
    // The data folder and the port of this server are options, which count before the file.
    expect(end.stderr).toBe("");
    write('expire = "3d"\nchunk = "1MiB"\n');
    expect(await reload()).toMatchObject({
      code: 0,
      stdout: "",
      stderr:
        "dync-server: warning: chunk: 2MiB -> 1MiB needs a restart, and stays until then\n" +
        "Read again: nothing is different\n",
    });
    await lab.server.line(/"warn".*Setting needs a restart.*"chunk"/);
  });

  test("lists what is wrong, to whoever asked and in the log, and keeps what it has", async () => {
    write('datasets = "bagit"\n');
    expect(await reload()).toMatchObject({ code: 0 });
    write("datasets = 'plain'\n\ndata_dir = '/srv'\nexpire = 3\n");
    const end = await reload();
    expect(end).toMatchObject({ code: 2, stdout: "" });
    expect(end.stderr.split("\n")).toEqual([
      "Not taken: the server goes on with the configuration that it has",
      `dync-server: error: ${file()}:3: data_dir: unknown setting; did you mean "data"?`,
      `dync-server: error: ${file()}:4: expire: needs a duration, found 3; write a number with a unit: 90s, 15m, 24h, 7d`,
      "",
    ]);
    await lab.server.line(/"error".*A fault in the configuration.*:3: data_dir/);
    const folder = lab.folder.file("files", "set");
    mkdirSync(folder);
    writeFileSync(join(folder, "a.txt"), "a");
    expect(await lab.send(["-q", "--dataset", folder])).toMatchObject({ code: 0 });
    expect(existsSync(join(lab.stored("set"), "bagit.txt"))).toBe(true);
    rmSync(file());
    expect(await reload()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is not there any more"),
    });
  });

  test("a new bound counts for who begins after it", async () => {
    write("max-unfinished = 1\n");
    expect(await reload()).toMatchObject({ code: 0 });
    await using first = await begun("first.raw");
    await using second = lab.startSend(["-n", "second.raw", "-"], { stdin: new Blob(["x"]) });
    await lab.server.line(/Upload refused.*second\.raw.*429/);
    write("max-unfinished = 2\n");
    expect(await reload()).toMatchObject({ code: 0 });
    expect(await second.ended(60_000)).toMatchObject({ code: 0 });
    await first.end();
  });

  test("the log changes its level, and back", async () => {
    write("log-level = 'error'\n");
    expect(await reload()).toMatchObject({ code: 0 });
    const path = await lab.file("unseen.raw", 10);
    expect(await lab.send(["-q", path])).toMatchObject({ code: 0 });
    write("log-level = 'info'\n");
    expect(await reload()).toMatchObject({ code: 0 });
    await lab.file("seen.raw", 10);
    expect(await lab.send(["-q", lab.folder.file("files", "seen.raw")])).toMatchObject({ code: 0 });
    await lab.server.line(/Upload finished.*seen\.raw/);
    expect(lab.server.stderr).not.toContain("unseen.raw");
  });

  test.skipIf(isWindows)(
    "SIGHUP does the same, and the log says what came of it (not on Windows)",
    async () => {
      write("idle-timeout = '50s'\n");
      lab.server.signal("SIGHUP");
      await lab.server.line(/Setting changed.*"idle-timeout".*"50s"/);
      write("idle-timeout = 50\n");
      lab.server.signal("SIGHUP");
      await lab.server.line(/A fault in the configuration.*idle-timeout/);
      await lab.expectAlive();
    },
  );

  test("where no server runs, or not this user's, that is said", async () => {
    const stopped = await lab.server.stop();
    expect(stopped.code).toBe(0);
    expect(await reload()).toMatchObject({ code: 5, stderr: expect.stringContaining("No server runs") });
    write("max-uploads = 0\n");
    await expect(lab.start()).rejects.toThrow(`${file()}:1: max-uploads: needs a whole number`);
    write("max-uploads = 7\n");
    await lab.start();
    expect(await reload("--json")).toMatchObject({ code: 0 });
    // One that was killed leaves its socket.
    await lab.server.kill();
    expect(await reload()).toMatchObject({ code: 5, stderr: expect.stringContaining("No server runs") });
    await lab.start();
    expect(await reload()).toMatchObject({ code: 0 });
    expect(readFileSync(file(), "utf8")).toBe("max-uploads = 7\n");
  });
});
