// What doc/operations.md tells of backups is so: a server that is restored from a copy without its catalogue, or moved whole, is the one that its
// clients know, has what was stored, and finishes what was under way; and an older program has a way past a newer one's catalogue.

import { describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { executablesMissing } from "../support/executables.ts";
import { type FaultyProxy, startFaultyProxy } from "../support/faulty-proxy.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { until } from "../support/network-runs.ts";
import { runProgram } from "../support/programs.ts";

const MiB = 1024 * 1024;
const missing = executablesMissing ?? (Bun.which("rsync") === null ? "rsync is missing" : null);

/** Runs `rsync -a`, as the manual does. */
async function copy(...args: readonly string[]): Promise<void> {
  expect(await runProgram(["rsync", "-a", ...args], {}, 60_000)).toMatchObject({ code: 0, stderr: "" });
}

/** Sends a part of a file, which the server has when this resolves; returns its path. */
async function half(lab: Lab, proxy: FaultyProxy, name: string): Promise<string> {
  proxy.faults = { up: { stallAfter: 12 * MiB } };
  const path = await lab.file(name, 30 * MiB);
  await using client = lab.startDync([
    ...["-q", "-k", "sample:S-17", "--retry-for", "10m", `127.0.0.1:${proxy.port}`, path],
  ]);
  await until(() => proxy.counters.arrived.up > 11 * MiB, client);
  await client.kill();
  proxy.faults = {};
  return path;
}

describe.skipIf(missing !== null)(`a copy of a server (${missing ?? "rsync"})`, () => {
  test("made while it runs, of .dync the audit log alone, is restored: files are known, and what was under way begins again", async () => {
    await using lab = await openLab({ inMemory: true });
    const done = await lab.file("done.raw", MiB);
    await lab.send(["-q", done]);
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    const path = await half(lab, proxy, "half.raw");
    const backup = lab.folder.file("backup");
    mkdirSync(backup);
    const patterns = ["--include=/.dync/audit/***", "--exclude=/.dync/*"];
    await copy(...patterns, `${lab.data}/`, join(backup, "data/"));
    await copy(`${lab.homes.server}/`, join(backup, "home/"));

    // The machine burns.
    await lab.server.kill();
    for (const folder of [lab.data, lab.homes.server]) rmSync(folder, { recursive: true });
    await copy(join(backup, "home/"), `${lab.homes.server}/`);
    await copy(join(backup, "data/"), `${lab.data}/`);
    await lab.start();
    await lab.server.line(/"The catalogue was made from the published files".*"uploads":1/);

    const audit = await runProgram([lab.programs.dyncServer, "audit", "verify", "--data", lab.data]);
    expect(audit).toMatchObject({ code: 0, stdout: expect.stringContaining("OK: lines 1 to 5 are") });
    await lab.expectStored(done);
    // Sent once more it is known, by what lies beside it.
    expect(await lab.send([done])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("Stored already"),
    });
    expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path);
  });

  test("made with .dync while it is stopped moves it: clients find the same keys, and uploads go on where they were", async () => {
    await using lab = await openLab({ inMemory: true });
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    const path = await half(lab, proxy, "moved.raw");
    const there = lab.folder.file("new-machine");
    mkdirSync(there);
    await copy(`${lab.data}/`, join(there, "data/"));
    await lab.server.stop();
    await copy("--delete", `${lab.data}/`, join(there, "data/"));
    await copy("--delete", `${lab.homes.server}/`, join(there, "home/"));
    rmSync(lab.homes.server, { recursive: true });
    rmSync(lab.data, { recursive: true });
    renameSync(join(there, "home"), lab.homes.server);
    renameSync(join(there, "data"), lab.data);
    await lab.start();
    expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stderr: "" });
    const [, offset] = await lab.server.line(/"Upload resumed".*moved\.raw.*"offset":(\d+)/);
    expect(Number(offset)).toBeGreaterThan(4 * MiB);
    await lab.expectStored(path);
  });

  test("an older program does not take a newer one's catalogue, and goes on from the stored files when that is away", async () => {
    await using lab = await openLab({ inMemory: true });
    const done = await lab.file("done.raw", MiB);
    await lab.send(["-q", done]);
    await lab.server.stop();
    const catalogue = join(lab.data, ".dync/catalogue.sqlite");
    const database = new DatabaseSync(catalogue);
    database.exec("PRAGMA user_version = 9999");
    database.close();
    const end = await lab.dyncServer(["--data", lab.data, "--bind", "127.0.0.1", "--port", "0"]);
    expect(end).toMatchObject({ code: 2, stderr: expect.stringContaining("newer") });
    renameSync(catalogue, `${catalogue}.newer`);
    rmSync(`${catalogue}-wal`, { force: true });
    await lab.start();
    await lab.server.line(/"The catalogue was made from the published files".*"uploads":1/);
    expect(await lab.send([done])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("Stored already"),
    });
  });
});
