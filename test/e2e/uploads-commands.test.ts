// What became of uploads, by commands beside a server that runs, on the compiled programs.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { FileSink } from "bun";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { startProgram } from "../support/programs.ts";

const MiB = 1024 * 1024;

describe.skipIf(executablesMissing !== null)(`uploads (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const uploads = async (...args: readonly string[]) => await lab.dyncServer(["uploads", ...args]);
  /** One that does not come to its end while a test lasts. */
  const startVerifying = () => {
    const command = [lab.programs.dyncServer, "uploads", "verify", "--all", "--rate", "1", "--json"];
    return startProgram(command, { env: { DYNC_HOME: lab.homes.server } });
  };
  const to = () => `127.0.0.1:${lab.port}`;
  /** How the ids of those begin that are called so. */
  const idOf = async (name: string) => (await uploads("list", "-n", name)).stdout.slice(0, 8);

  test("a list has what was sent, and chooses by user, state, time, name and metadata", async () => {
    const bert = await lab.user("bert");
    const sent = async (name: string, env: Record<string, string>, ...args: readonly string[]) =>
      expect(await lab.dync(["-q", ...args, to(), await lab.file(name, 1000)], { env })).toMatchObject({
        code: 0,
      });
    await sent("first.raw", {}, "-k", "project:P1", "-k", "run:7");
    await sent("second.RAW", { DYNC_HOME: bert }, "-k", "project:P1");
    await sent("third.txt", {}, "-k", "project:P2");
    const names = async (...args: readonly string[]) => {
      const { code, stdout } = await uploads("list", ...args);
      expect(code).toBe(0);
      return stdout.split("\n").flatMap((line) => /\w+\/\S+$/.exec(line) ?? []);
    };
    expect(await names()).toEqual(["alice/third.txt", "bert/second.RAW", "alice/first.raw"]);
    expect(await names("--limit", "1")).toEqual(["alice/third.txt"]);
    expect(await names("--user", "bert")).toEqual(["bert/second.RAW"]);
    expect(await names("-n", "*.raw")).toEqual(["bert/second.RAW", "alice/first.raw"]);
    expect(await names("-k", "project=P1", "--user", "alice")).toEqual(["alice/first.raw"]);
    expect(await names("-k", "run=7")).toEqual(["alice/first.raw"]);
    expect(
      await names("--state", "stored", "--state", "failed", "--since", "1h", "--limit", "0"),
    ).toHaveLength(3);
    expect(await names("--until", "1h")).toEqual([]);
    expect((await uploads("list", "--state", "failed")).stderr).toBe("No upload of that kind is known\n");
    const [line = ""] = (await uploads("list", "-n", "first.raw")).stdout.split("\n");
    expect(line).toMatch(
      /^[0-9a-f]{8} {2}stored {6}20\d\d-\d\d-\d\d \d\d:\d\d {3}1\.0 KiB {2}alice\/first\.raw$/,
    );
    expect(line.length).toBeLessThanOrEqual(80);
  });

  test("one is shown with all that is known of it, after a restart as well, also when its file was moved", async () => {
    const id = await idOf("first.raw");
    const shown = await uploads("show", id);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    for (const line of [
      /^Lies at: {6}\/.*\/data\/alice\/first\.raw$/m,
      /^Size: {9}1\.0 KiB \(1000 bytes\)$/m,
      /^Key: {10}SHA256:/m,
      /^Client: {7}dync /m,
      /^Metadata:\n {2}\{\n {4}"project": "P1",\n {4}"run": "?7"?\n {2}\}$/m,
    ])
      expect(shown.stdout).toMatch(line);
    await lab.server.stop();
    await lab.start();
    expect((await uploads("show", id)).stdout).toBe(shown.stdout);
    rmSync(lab.stored("first.raw"));
    expect((await uploads("show", id)).stdout).toContain(
      "first.raw (not there any more: moved, removed or replaced)",
    );
    expect(await uploads("show", "f".repeat(32))).toMatchObject({ code: 1, stdout: "" });
  });

  test("a dataset is listed as a folder, and an upload that runs with what has arrived", async () => {
    const folder = lab.folder.file("files", "set");
    mkdirSync(folder);
    writeFileSync(`${folder}/a`, "a");
    expect(await lab.send(["-q", "--dataset", folder])).toMatchObject({ code: 0 });
    expect((await uploads("list", "-n", "set")).stdout).toEndWith("alice/set/\n");
    expect((await uploads("show", await idOf("set"))).stdout).toContain("Dataset:      plain, 1 file\n");
    await using program = lab.startSend(["-q", "-n", "running.raw", "-"], { stdin: "pipe" });
    const input = program.child.stdin as FileSink;
    input.write(Buffer.alloc(3 * MiB));
    await input.flush();
    await lab.server.line(/Upload started.*running\.raw/);
    expect((await uploads("list", "--state", "receiving")).stdout).toMatch(
      / receiving .*alice\/running\.raw\n$/,
    );
    expect((await uploads("show", await idOf("running.raw"))).stdout).toMatch(/^Arrived: {6}/m);
    await lab.server.stop();
    await lab.start();
    await input.end();
    expect(await program.ended(60_000)).toMatchObject({ code: 0 });
    expect((await uploads("list", "-n", "running.raw")).stdout).toMatch(/ stored .*3\.0 MiB {2}alice/);
  });

  test("what is stored is verified: a byte that somebody changed is found, and what was taken away said apart", async () => {
    const all = () => uploads("verify", "--all", "--ignore-missing");
    // An earlier test took one away.
    expect(await all()).toMatchObject({ code: 0, stdout: "" });
    const missing = await uploads("verify", "-n", "first.raw");
    expect(missing).toMatchObject({ code: 8, stdout: "missing  alice/first.raw: it is not there\n" });
    expect(missing.stderr).toBe("1 upload verified, 0 B read: 1 not there any more\n");
    const file = openSync(lab.stored("running.raw"), "r+");
    writeSync(file, "x", 2 * MiB);
    closeSync(file);
    rmSync(lab.stored("third.txt.meta.json"));
    writeFileSync(lab.stored("set/more"), "");
    const { code, stdout } = await all();
    expect(code).toBe(8);
    expect(stdout.split("\n").toSorted()).toEqual([
      "",
      "damaged  alice/running.raw: its content is another one",
      "extra    alice/set/more: it was not stored",
      "missing  alice/third.txt.meta.json: it is not there",
    ]);
    const sound = await uploads("verify", await idOf("second.RAW"), "--rate", "1G");
    expect(sound).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "1 upload verified, 1.0 KiB read: 1 as stored\n",
    });
    expect(await uploads("verify", "--sample", "2", "--user", "bert")).toMatchObject({ code: 0 });
  });

  test("one that runs is cancelled: its client hears why and does not try again; one that waits is given up", async () => {
    const begun = async (name: string) => {
      const program = lab.startSend(["-q", "--retry-for", "60s", "-n", name, "-"], { stdin: "pipe" });
      const input = program.child.stdin as FileSink;
      input.write(Buffer.alloc(3 * MiB));
      await input.flush();
      await lab.server.line(new RegExp(`Upload started.*${name}`));
      return program;
    };
    await using cancelled = await begun("cancelled.raw");
    const id = await idOf("cancelled.raw");
    expect(await uploads("expire", id)).toMatchObject({ code: 2, stdout: "" });
    expect((await uploads("cancel", id)).stdout).toMatch(
      new RegExp(`^Cancelled: ${id}  alice/cancelled\\.raw, .*\n$`),
    );
    const end = await cancelled.ended(30_000);
    expect(end).toMatchObject({ code: 7 });
    expect(end.stderr).toContain("The upload was cancelled on the server, by whoever looks after it");
    lab.expectNothingStored("cancelled.raw");
    expect((await lab.dync(["uploads"])).stdout).not.toContain("cancelled.raw");
    expect((await uploads("show", id)).stdout).toMatch(/^Reason: {7}The upload was cancelled on the server/m);
    expect(await uploads("cancel", id)).toMatchObject({ code: 2, stdout: "" });

    await using waiting = await begun("waiting.raw");
    await waiting.kill();
    await lab.server.stop();
    await lab.start();
    const waitingId = await idOf("waiting.raw");
    expect(await uploads("expire", "--older-than", "1h")).toMatchObject({ code: 0, stdout: "" });
    const trial = await uploads("expire", "--older-than", "0", "--user", "alice", "--dry-run");
    expect(trial.stdout).toStartWith(`Would be given up: ${waitingId}  alice/waiting.raw, `);
    expect(trial.stderr).toStartWith("1 upload would be given up, ");
    expect((await uploads("list", "-n", "waiting.raw")).stdout).toContain(" waiting ");
    const given = await uploads("expire", waitingId);
    expect(given).toMatchObject({ code: 0, stdout: expect.stringContaining("Given up: ") });
    expect((await uploads("show", waitingId)).stdout).toMatch(
      /^Reason: {7}Expired before its time.*\(408\)$/m,
    );
    expect(readdirSync(join(lab.data, ".dync", "partial"))).toEqual([]);
    await lab.expectAlive();
  });

  test("a verification ends with who asked for it, and uploads go on beside one", async () => {
    await using asking = startVerifying();
    await asking.line(/"type":"verifying"/);
    await lab.expectAlive();
    asking.signal("SIGINT");
    expect(await asking.ended()).toMatchObject({ signal: "SIGINT" });
    // No more than 16 are answered at once: who is gone holds none of the places.
    for (let round = 0; round < 17; round++) {
      await using one = startVerifying();
      await one.line(/"type":"verifying"/);
      await one.kill();
    }
    expect(await uploads("list", "--limit", "1")).toMatchObject({ code: 0 });
  });
});
