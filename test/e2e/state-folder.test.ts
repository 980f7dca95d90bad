// What a server keeps in `.dync`: damaged, locked, taken away while it runs, left by the first version. Nothing that
// was confirmed is lost by it, and the steward reads what happened.

import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { askCatalogue } from "../support/aftermath.ts";
import { executables, executablesMissing, makeKeys } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { type ProgramEnd, runProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

describe.skipIf(executablesMissing !== null)(
  `the server's own folder (${executablesMissing ?? "compiled"})`,
  () => {
    const damages: readonly (readonly [string, (catalogue: string) => void])[] = [
      ["a folder", (catalogue) => mkdirSync(catalogue)],
      ["another program's SQLite file", (catalogue) => makeDatabase(catalogue, "CREATE TABLE t (a)")],
      ["no SQLite file", (catalogue) => writeFileSync(catalogue, "x".repeat(20_000))],
    ];
    test.each(damages)("with %s in place of the catalogue it is made anew", async (_what, damage) => {
      await using lab = await openLab();
      await lab.expectAlive();
      await lab.server.stop();
      const catalogue = join(lab.data, ".dync", "catalogue.sqlite");
      for (const suffix of ["", "-wal", "-shm"]) rmSync(catalogue + suffix, { force: true });
      damage(catalogue);
      await lab.start();
      await lab.server.line(/"level": ?"warn".*The catalogue was damaged/);
      expect(finishedNames(lab)).toEqual(["honest-1.raw"]);
      expect(existsSync(`${catalogue}.damaged-1`)).toBe(true);
      await lab.expectAlive();
    });

    test("while another program holds the catalogue a server does not start, and says so at once", async () => {
      await using folder = await tempFolder();
      const programs = await executables();
      const homes = await makeKeys(programs, folder.path);
      mkdirSync(folder.file("data", ".dync"), { recursive: true, mode: 0o700 });
      using other = new DatabaseSync(folder.file("data", ".dync", "catalogue.sqlite"));
      other.exec("CREATE TABLE t (a); BEGIN EXCLUSIVE");
      const command = [programs.dyncServer, "run", "--bind", "127.0.0.1", "--port", "0"];
      const options = { env: { DYNC_HOME: homes.server } };
      const end = await runProgram([...command, "--data", folder.file("data")], options);
      expect(end.code).toBe(5);
      expect(end.stderr).toMatch(/error: The catalogue .* cannot be opened just now: database is locked\n/);
      expect(end.stderr).toContain("another program uses it");
    });

    const removals: readonly (readonly [string, string])[] = [
      [".dync", ".dync"],
      ["the lock", ".dync/lock.sqlite"],
      ["the catalogue", ".dync/catalogue.sqlite"],
      ["the folder of partial uploads", ".dync/partial"],
    ];
    test.each(removals)("a server from which %s is taken stops with a clear line", async (_what, path) => {
      await using lab = await openLab();
      await lab.expectAlive();
      rmSync(join(lab.data, path), { recursive: true });
      const end = await lab.server.ended();
      expect(end.code).toBe(1);
      expectNamed(end, path);
      await lab.start();
      expect(finishedNames(lab)).toEqual(["honest-1.raw"]);
      await lab.expectAlive();
    });

    test("an upload that was suspended survives that the catalogue is taken from a running server", async () => {
      await using lab = await openLab();
      const sending = lab.startSend(["-", "--name", "half.raw"], { stdin: "pipe" });
      await lab.server.line(/"Upload started"/);
      rmSync(join(lab.data, ".dync", "catalogue.sqlite"));
      await lab.server.ended();
      await lab.start();
      const open = "SELECT name FROM uploads WHERE state = 'open'";
      expect(askCatalogue(lab.data, open)).toEqual([{ name: "half.raw" }]);
      await sending.kill();
    });

    test("a data folder that is moved away as a whole is waited for", async () => {
      await using lab = await openLab();
      await lab.expectAlive();
      renameSync(lab.data, `${lab.data}-away`);
      await lab.server.line(/The data folder is not there: uploads wait for it/);
      renameSync(`${lab.data}-away`, lab.data);
      await lab.server.line(/The data folder is there again/);
      await lab.expectAlive();
    });

    test("a record whose metadata is no JSON is given up when its client returns", async () => {
      await using lab = await openLab();
      const file = await lab.file("a.raw", 3_000_000);
      const sending = lab.startSend(["-", "--name", "half.raw"], { stdin: "pipe" });
      await lab.server.line(/"Upload started"/);
      await lab.server.stop();
      makeDatabase(join(lab.data, ".dync", "catalogue.sqlite"), "UPDATE metadata SET text = '{'");
      await lab.start();
      await lab.server.line(/"Upload given up".*The metadata of this upload was lost/);
      expect(askCatalogue(lab.data, "SELECT state FROM uploads")).toEqual([{ state: "failed" }]);
      await sending.kill();
      expect(await lab.send([file])).toMatchObject({ code: 0 });
    });

    test("the catalogue of the first version is taken over", async () => {
      await using lab = await openLab();
      await lab.server.stop();
      const state = join(lab.data, ".dync");
      for (const name of readdirSync(state)) if (name.startsWith("catalogue")) rmSync(join(state, name));
      const first = join(import.meta.dir, "..", "catalogue", "files", "version-1.sqlite");
      copyFileSync(first, join(state, "catalogue.sqlite"));
      await lab.start();
      await lab.server.line(/The catalogue of an earlier version is taken over/);
      expect(finishedNames(lab)).toEqual(["one.raw"]);
      await lab.expectAlive();
    });
  },
);

function makeDatabase(file: string, sql: string): void {
  using database = new DatabaseSync(file);
  database.exec(sql);
}

function finishedNames(lab: Lab): readonly unknown[] {
  const query = "SELECT name FROM uploads WHERE state = 'finished' ORDER BY name";
  return askCatalogue(lab.data, query).map(({ name }) => name);
}

function expectNamed(end: ProgramEnd, path: string): void {
  const lines = end.stderr.split("\n").filter((line) => line.startsWith("dync-server: "));
  expect(lines[0]).toMatch(/^dync-server: error: .* was removed or replaced while the server ran/);
  expect(lines[0]).toContain(path);
}
