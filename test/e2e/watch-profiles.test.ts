// Watched folders of instruments that have a profile, on the compiled programs: simulated instruments write runs on disk, and what is
// stored is each run, whole, after its end.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isJunk } from "../../src/tar/member-path.ts";
import { executablesMissing } from "../support/executables.ts";
import { applyInMemory, applyOnDisk, type Folder, type Operation } from "../support/instrument/operation.ts";
import { type SimulatedRun, simulatedProfiles, simulatedRun } from "../support/instrument/simulated-run.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, type ProgramEnd } from "../support/programs.ts";

let lab: Lab;
let folder: string;

async function once(profile: string, ...options: readonly string[]): Promise<ProgramEnd> {
  const words = ["--once", "--json", "--settle", "1s", "--profile", profile, "-k", "sample:S-17", ...options];
  return await lab.dync(["watch", ...words, `127.0.0.1:${lab.port}`, folder]);
}

/** What each entry waited for at the end, by name. */
function waitingIn(end: ProgramEnd): Readonly<Record<string, unknown>> {
  const last = new Map(jsonLines(end.stdout).map((line) => [String(line.path).split("/").at(-1), line]));
  const waiting = [...last].filter(([, { state }]) => state === "waiting");
  return Object.fromEntries(waiting.map(([name, { reason }]) => [name, reason]));
}

/** The first run of this instrument, by its seed, that ends so. */
function runThatEnds(profile: string, ...ends: readonly SimulatedRun["end"][]): SimulatedRun {
  for (let seed = 1; ; seed++) {
    const run = simulatedRun(profile, seed);
    if (ends.includes(run.end)) return run;
  }
}

/** Does the steps below the watched folder, at the depth at which this instrument writes. */
function write(profile: string, operations: readonly Operation[]): void {
  for (const it of operations)
    applyOnDisk(profile === "nanopore" ? join(folder, "group", "sample") : folder, it);
}

/** The files of `entry`, as they are to be stored, by path. */
function wantedFiles({ operations }: SimulatedRun, entry: string): Readonly<Record<string, string>> {
  const all: Folder = new Map();
  for (const operation of operations) applyInMemory(all, operation);
  const own = [...all].filter(([path]) => path.startsWith(`${entry}/`) && !isJunk(path));
  return Object.fromEntries(own.map(([path, bytes]) => [path.slice(entry.length + 1), hex(bytes)]));
}

function storedFiles(root: string): Readonly<Record<string, string>> {
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" });
  const files = paths.filter((path) => statSync(join(root, path)).isFile());
  return Object.fromEntries(
    files.map((path) => [path.replaceAll("\\", "/"), hex(readFileSync(join(root, path)))]),
  );
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe.skipIf(executablesMissing !== null)(`instruments (${executablesMissing ?? "compiled"})`, () => {
  beforeEach(async () => {
    lab = await openLab({ inMemory: true });
    folder = lab.folder.file("files", "watched");
    await mkdir(folder);
  });
  afterEach(async () => await lab[Symbol.asyncDispose]());

  test("sciex: no file of an acquisition goes before all of them are complete", async () => {
    const names = ["run7.wiff", "run7.wiff.scan", "run7.timeseries.data"];
    for (const name of names)
      await writeFile(join(folder, name), "x".repeat(name.endsWith(".data") ? 0 : 500));
    await writeFile(join(folder, "run8.wiff"), "another one");
    await writeFile(join(folder, "run8.wiff.scan"), "x".repeat(500));
    const early = await once("sciex");
    expect(waitingIn(early)).toEqual({
      "run7.timeseries.data": "empty",
      "run7.wiff": "incomplete",
      "run7.wiff.scan": "incomplete",
    });
    const detail = "run7.timeseries.data, which is of the same acquisition, is not complete yet";
    expect(jsonLines(early.stdout)).toContainEqual(
      expect.objectContaining({ path: expect.stringContaining("run7.wiff"), detail }),
    );
    expect(existsSync(lab.stored("run8.wiff"))).toBe(true);
    for (const name of names) lab.expectNothingStored(name);
    await writeFile(join(folder, "run7.timeseries.data"), "pressures");
    expect(waitingIn(await once("sciex"))).toEqual({});
    for (const name of names)
      expect(readFileSync(lab.stored(name))).toEqual(readFileSync(join(folder, name)));
  });

  test.each(simulatedProfiles)("%s: nothing before its end, all of it after", async (profile) => {
    const run = runThatEnds(profile, "finished", "quiet");
    write(profile, run.operations.slice(0, run.heldUntil - 1));
    expect(await once(profile)).toMatchObject({ code: 0, stderr: "" });
    for (const entry of run.entries) expect([entry, existsSync(lab.stored(entry))]).toEqual([entry, false]);

    write(profile, run.operations.slice(run.heldUntil - 1));
    const end = await once(profile);
    expect([end.code, waitingIn(end)]).toEqual([0, {}]);
    for (const entry of run.entries) {
      const stored = lab.stored(entry);
      expect([entry, existsSync(stored)]).toEqual([entry, true]);
      if (statSync(stored).isDirectory()) expect(storedFiles(stored)).toEqual(wantedFiles(run, entry));
    }
  });

  test.each([
    ["illumina", "run-failed"],
    ["illumina", "failed"],
    ["illumina-nextseq550", "aborted"],
    ["thermo-raw", "run-failed"],
  ] as const)("%s: a run that ended as %s waits for a person", async (profile, how) => {
    const run = runThatEnds(profile, how);
    write(profile, run.operations);
    const [entry = ""] = run.entries;
    const end = await once(profile);
    expect(waitingIn(end)[entry]).toBe(how.startsWith("run-") ? how : `run-${how}`);
    expect(existsSync(lab.stored(entry))).toBe(false);
  });

  test("what differs from the instrument's own checksums waits, and goes when it is as the instrument wrote it", async () => {
    const name = "20260603_1201_3E_PAA12345_e05460c6";
    const run = join(folder, "group", "sample", name);
    const sum = createHash("sha256").update("reads").digest("hex");
    await mkdir(join(run, "fastq_pass"), { recursive: true });
    await writeFile(join(run, "fastq_pass", "a.fastq"), "rEads");
    await writeFile(join(run, "pod5.pod5"), "signal");
    await writeFile(
      join(run, "output_hash_PAA.csv"),
      `file_hash,file_path\n${sum},fastq_pass/a.fastq\n,pod5.pod5\n`,
    );
    await writeFile(join(run, "final_summary_PAA.txt"), "acquisition_stopped=2026-06-05T12:01:00\n");
    const end = await once("nanopore");
    expect([end.code, waitingIn(end)]).toEqual([0, { [name]: "hash-mismatch" }]);
    expect(end.stdout).toContain('"detail":"fastq_pass/a.fastq"');
    expect(existsSync(lab.stored(name))).toBe(false);

    const words = ["--json", "--settle", "1s", "--profile", "nanopore", "-k", "sample:S-17"];
    await using watcher = lab.startDync(["watch", ...words, `127.0.0.1:${lab.port}`, folder]);
    await watcher.line(/"reason":"hash-mismatch"/, 60_000);
    await writeFile(join(run, "fastq_pass", "a.fastq"), "reads");
    await watcher.line(/"state":"sent"/, 60_000);
    expect(readFileSync(join(lab.stored(name), "fastq_pass", "a.fastq"), "utf8")).toBe("reads");
  });

  test("a profile of one's own says what a run is, its sign and its junk", async () => {
    const file = lab.folder.file("camera.toml");
    await writeFile(
      file,
      'title = "Camera"\nunit = "folder"\nnames = ["shot-*"]\njunk = ["**/*.log", "cache/*"]\n[[sign]]\nfiles = ["done"]\n',
    );
    for (const name of ["shot-1", "shot-2", "other"]) {
      await mkdir(join(folder, name, "cache"), { recursive: true });
      await writeFile(join(folder, name, "a.raw"), name);
      await writeFile(join(folder, name, "a.log"), "log");
      await writeFile(join(folder, name, "B.LOG"), "log");
      await writeFile(join(folder, name, "cache", "b"), "b");
    }
    await writeFile(join(folder, "shot-1", "done"), "");
    const end = await once(file);
    expect([end.code, waitingIn(end)]).toEqual([0, { "shot-2": "no-sign" }]);
    expect(Object.keys(storedFiles(lab.stored("shot-1"))).sort()).toEqual(["a.raw", "done"]);
    expect([existsSync(lab.stored("shot-2")), existsSync(lab.stored("other"))]).toEqual([false, false]);
  });

  test("2: what is wrong with --profile is said before anything is done", async () => {
    const file = lab.folder.file("camera.toml");
    await writeFile(file, 'title = "Camera"\nunit = "run"\nfoo = 1\n');
    const said = async (...words: readonly string[]): Promise<string> => {
      const end = await lab.dync(["watch", ...words, "-k", "a:b", `127.0.0.1:${lab.port}`, folder]);
      expect(end).toMatchObject({ code: 2, stdout: "" });
      return end.stderr;
    };
    expect(await said("--profile", "ilumina")).toBe(
      'dync: error: Option "--profile" "ilumina" is not known\ndync: hint: did you mean "illumina"?\n',
    );
    expect(await said("--profile", "illumina", "--unit", "file")).toContain(
      '"--unit" "file" does not go with',
    );
    const faults = await said("--profile", file);
    expect(faults).toContain(`${file}:2: unit: needs one of "file", "folder", found "run"\n`);
    expect(faults).toContain(`${file}:3: foo: unknown setting\n`);
    expect(await said("--profile", `${file}.toml`)).toContain(
      `Cannot read ${file}.toml: there is no such file\n`,
    );
  });
});
