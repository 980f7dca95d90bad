// Runs of a watched folder that are sent while they are written, `dync watch --live`, on the compiled programs.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { sha256Hex } from "../../src/base/sha256-hex.ts";
import { executables, executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { treeOf } from "../support/live/tree-of.ts";
import { jsonLines, type Program, type ProgramEnd, startProgram } from "../support/programs.ts";
import { makeReferenceKeys, referenceMissing, startReferenceServer } from "../support/reference.ts";
import { tempFolder } from "../support/temp-folder.ts";

const waitMsMax = 30_000;
const first = "241127_A01_0001_AHXX";
const second = "241127_A01_0002_BHXX";
const aborted =
  "<RunCompletionStatus><CompletionStatus>UserEndedEarly</CompletionStatus></RunCompletionStatus>";

const documented = [...documentedValidators()].flatMap(([id, valid]) =>
  /^dync:(live$|entry-)/.test(id) ? [valid] : [],
);

let lab: Lab;
let folder: string;

const line = (...options: readonly string[]): readonly string[] => [
  ...["watch", "--live", "--settle", "1s", "--profile", "illumina", "-k", "sample:S-17"],
  ...[...options, `127.0.0.1:${lab.port}`, folder],
];
const watch = (...options: readonly string[]): Program => lab.startDync(line("--json", ...options));
const decide = (...words: readonly string[]): Promise<ProgramEnd> => lab.dync(["watch", ...words, folder]);

async function write(run: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, run, path, ".."), { recursive: true });
    await writeFile(join(folder, run, path), text);
  }
}

/** What an instrument writes first. */
async function begin(run: string): Promise<void> {
  await write(run, { "RunInfo.xml": "<Run/>", "Data/C1.cbcl": "first".repeat(100_000) });
}

async function finish(run: string): Promise<void> {
  await write(run, { "Data/C2.cbcl": "second".repeat(100_000), "CopyComplete.txt": "" });
}

/** Begins a run that was seen before it is written on, and whose upload has begun by then. */
async function beginSeen(program: Program, run: string): Promise<void> {
  await write(run, { "RunInfo.xml": "<Run>" });
  await waits(program, run, "(settling|live)");
  await begin(run);
  await waits(program, run, "live");
}

/** Resolves when the server has what the instrument wrote first, of which nothing is published. */
async function stored(run: string): Promise<void> {
  for (const from = systemClock.now(); systemClock.now() - from < waitMsMax; ) {
    const { stdout } = await lab.dync(line("--explain", "--json"));
    const entry = jsonLines(stdout).find(({ path }) => path === run);
    if (entry?.state !== "sending" || Number(entry.bytes) < 500_000) continue;
    expect(entry.detail).toContain("its end waits (no-sign): it waits for CopyComplete.txt");
    return lab.expectNothingStored(run);
  }
  throw new Error(`Nothing of ${run} is stored`);
}

const sent = (program: Program, run: string): Promise<unknown> =>
  program.line(new RegExp(`"path":"${run}","kind":"folder","state":"sent"`), waitMsMax);
const waits = (program: Program, run: string, reason: string): Promise<unknown> =>
  program.line(
    new RegExp(`"path":"${run}","kind":"folder","state":"waiting","reason":"${reason}"`),
    waitMsMax,
  );

const unfinished = async (): Promise<readonly string[]> => {
  const uploads = join(lab.homes.client, "uploads");
  return existsSync(uploads) ? await readdir(uploads) : [];
};

/** It is what a usual send of the folder is. */
async function expectWhole(run: string): Promise<void> {
  expect(await treeOf(lab.stored(run))).toEqual(await treeOf(join(folder, run)));
  const usual = `${run}-usual`;
  expect(await lab.send(["--dataset", "-n", usual, join(folder, run)])).toMatchObject({ code: 0 });
  expect(await treeOf(lab.stored(run), true)).toEqual(await treeOf(lab.stored(usual), true));
  expect(await unfinished()).toEqual([]);
}

describe.skipIf(executablesMissing !== null)(
  `dync watch --live (${executablesMissing ?? "compiled"})`,
  () => {
    beforeEach(async () => {
      lab = await openLab({ inMemory: true });
      folder = lab.folder.file("files", "watched");
      await mkdir(folder);
    });
    afterEach(async () => await lab[Symbol.asyncDispose]());

    test("begins with a run, several at once, publishes each after its sign, and sends nothing twice", async () => {
      {
        await using program = watch();
        await beginSeen(program, first);
        // What comes while the folder is watched is being written.
        await begin(second);
        await waits(program, second, "live");
        await stored(first);
        await stored(second);
        await finish(second);
        await sent(program, second);
        lab.expectNothingStored(first);
        await finish(first);
        await sent(program, first);
        await program.stop();
      }
      for (const run of [first, second]) await expectWhole(run);
      const again = await lab.dync(line("--once", "--json").filter((it) => it !== "--live"));
      expect(again.stdout).not.toContain('"state":"sent"');
    });

    test("goes on where it was after both sides were killed, also with a run that is complete by then", async () => {
      {
        await using program = watch();
        await beginSeen(program, first);
        await stored(first);
        await program.kill();
      }
      await lab.server.kill();
      await lab.start();
      await finish(first);
      await using program = watch();
      await sent(program, first);
      await beginSeen(program, second);
      await lab.server.kill();
      await lab.start();
      await stored(second);
      await finish(second);
      await sent(program, second);
      const end = await program.stop();
      expect(`${end.stdout}${end.stderr}`).not.toContain("anew");
      const [{ bytes, already }] = jsonLines(end.stdout).filter(({ state }) => state === "sent") as [
        Record<string, unknown>,
      ];
      expect([already, Number(bytes) > 1_100_000, Number(bytes) < 1_150_000]).toEqual([false, true, true]);
      for (const run of [first, second]) await expectWhole(run);
    });

    test("a run that was begun is gone on with, as it was begun, where it is watched without --live", async () => {
      {
        await using program = watch();
        for (const run of [first, second]) await beginSeen(program, run);
        for (const run of [first, second]) await stored(run);
        await program.kill();
      }
      await finish(first);
      const others = line("--json").map((it) => (it === "sample:S-17" ? "sample:S-18" : it));
      await using program = lab.startDync(others.filter((it) => it !== "--live"));
      await sent(program, first);
      lab.expectNothingStored(second);
      await finish(second);
      await sent(program, second);
      await program.stop();
      for (const run of [first, second]) {
        await expectWhole(run);
        // Nothing but the upload that was begun has these.
        expect(await lab.metadata(run)).toMatchObject({ sample: "S-17" });
      }
    });

    test("one that was begun and cannot be sent as it is ends dync watch --once, and goes on when it can", async () => {
      {
        await using program = watch();
        await beginSeen(program, first);
        await stored(first);
        await program.kill();
      }
      await write(first, { "Data/aux.txt": "no name that Windows has" });
      await finish(first);
      const once = line("--once", "--json").filter((it) => it !== "--live");
      const end = await lab.dync(once);
      expect(end.code).toBe(3);
      expect(end.stdout).toContain('"reason":"retrying"');
      expect(end.stdout).toContain("aux.txt");
      lab.expectNothingStored(first);
      await rename(join(folder, first, "Data", "aux.txt"), join(folder, first, "Data", "other.txt"));
      expect(await lab.dync(once)).toMatchObject({ code: 0 });
      await expectWhole(first);
    });

    test("an aborted run is kept, unpublished, until a person decides", async () => {
      await using program = watch();
      for (const run of [first, second]) {
        await beginSeen(program, run);
        await stored(run);
        await write(run, { "RunCompletionStatus.xml": aborted });
        await waits(program, run, "run-aborted");
        lab.expectNothingStored(run);
      }
      expect((await unfinished()).filter((it) => it.endsWith(".json"))).toHaveLength(2);
      expect(await decide("--send", first, "--leave", second)).toMatchObject({ code: 0 });
      await sent(program, first);
      await waits(program, second, "left");
      const end = await program.stop();
      expect(end.stdout.match(/"reason":"run-aborted"/g)).toHaveLength(2);
      lab.expectNothingStored(second);
      const { stdout } = await lab.dync(["uploads", "--json"]);
      const { uploads } = jsonLines(stdout).at(-1) as {
        readonly uploads: readonly { readonly id: string }[];
      };
      expect(uploads).toHaveLength(1);
      expect(await lab.dync(["cancel", uploads[0]?.id ?? ""])).toMatchObject({ code: 0 });
      await expectWhole(first);
    });

    test("a run without its sign is published as it is, and one under way is left alone, when a person says so", async () => {
      await using program = watch();
      for (const run of [first, second]) {
        await beginSeen(program, run);
        await stored(run);
      }
      expect(await decide("--send", first, "--leave", second)).toMatchObject({ code: 0 });
      await sent(program, first);
      await waits(program, second, "left");
      lab.expectNothingStored(second);
    });

    test("a run begins when it has what the server's rules want, and what is said of it later is named", async () => {
      await writeFile(join(lab.homes.server, "run.json"), '{ "required": ["project"] }');
      const rules = '[[rules]]\nname = "runs"\nschema = "run.json"\n';
      expect(await lab.configure(rules)).toMatchObject({ code: 0 });
      await using program = watch();
      await write(first, { "RunInfo.xml": "<Run>" });
      await waits(program, first, "(settling|metadata-missing)");
      await begin(first);
      await waits(program, first, "metadata-missing");
      expect(await unfinished()).toEqual([]);
      await writeFile(join(folder, `${first}.meta.json`), '{ "project": "P1" }');
      await waits(program, first, "live");
      await stored(first);
      await writeFile(join(folder, `${first}.meta.json`), '{ "project": "P2" }');
      await finish(first);
      await sent(program, first);
      const end = await program.stop();
      expect(end.stderr).toContain("metadata that it had when its upload began; they are others by now");
      expect(await lab.metadata(first)).toMatchObject({ project: "P1" });
    });

    test("what was sent so may be deleted when it is proved, and what changed since is sent again", async () => {
      {
        await using program = watch();
        for (const run of [first, second]) {
          await beginSeen(program, run);
          await finish(run);
          await sent(program, run);
        }
        await appendFile(join(folder, second, "RunInfo.xml"), "more");
        await program.line(new RegExp(`${second}.*It was sent, and has changed since`), waitMsMax);
        await waits(program, second, "refused");
        await program.stop();
      }
      const once = line("--once", "--after", "delete", "--keep-for", "0s", "--json");
      const end = await lab.dync(once.filter((it) => it !== "--live"));
      expect(end.stdout).toContain(`"path":"${first}","kind":"folder","state":"deleted"`);
      expect(await readdir(folder)).toEqual([second]);
    });

    test("a run that is not what its instrument's own checksums say is kept, unpublished, until it is", async () => {
      const run = "exp/sample/20260603_1201_3E_PAA12345_e05460c6";
      const name = basename(run);
      const words = line("--json").map((it) => (it === "illumina" ? "nanopore" : it));
      await using program = lab.startDync(words);
      await write(run, { "pod5/a.pod5": "data" });
      await waits(program, run, "(settling|live)");
      await write(run, { "fastq_pass/a.fastq.gz": "damaged" });
      await waits(program, run, "live");
      const sum = sha256Hex("as it was written");
      await write(run, {
        "output_hash_PAA_e05460c6.csv": `file_hash,file_path\n${sum},./fastq_pass/a.fastq.gz\n`,
        "final_summary_PAA_e05460c6.txt": "acquisition_stopped=2026-06-05T12:01:00\n",
      });
      await program.line(/"reason":"hash-mismatch","detail":"fastq_pass\/a.fastq.gz"/, waitMsMax);
      lab.expectNothingStored(name);
      expect((await unfinished()).filter((it) => it.endsWith(".json"))).toHaveLength(1);
      await write(run, { "fastq_pass/a.fastq.gz": "as it was written" });
      await sent(program, run);
      expect(await treeOf(lab.stored(name))).toEqual(await treeOf(join(folder, run)));
      expect(await unfinished()).toEqual([]);
      for (const it of jsonLines((await program.stop()).stdout).filter(
        ({ type }) => type === "live" || type === "entry",
      ))
        expect([it, documented.some((valid) => valid(it))]).toEqual([it, true]);
    });

    test("somebody is told of a run whose end waits for a person, and it is published when that is over", async () => {
      const [teller, told] = [lab.folder.file("tell.sh"), lab.folder.file("told")];
      await writeFile(teller, `#!/bin/sh\ncat >> ${told}\n`, { mode: 0o755 });
      const notices = ["--on-trouble", teller, "--no-notices"];
      {
        await using program = watch(...notices);
        await beginSeen(program, first);
        await write(first, { "Data/aux.txt": "no name that Windows has" });
        await finish(first);
        await program.line(/"type":"live".*"waiting":"unsendable"/, waitMsMax);
        await program.stop();
      }
      lab.expectNothingStored(first);
      const [trouble] = jsonLines(await readFile(told, "utf8"));
      expect(trouble).toMatchObject({ troubles: [{ path: first, reason: "unsendable" }] });
      await rename(join(folder, first, "Data", "aux.txt"), join(folder, first, "Data", "other.txt"));
      await using program = watch(...notices);
      await sent(program, first);
      await expectWhole(first);
    });

    test("says what is wrong before anything is watched", async () => {
      const wrong = async (...words: readonly string[]): Promise<string> => {
        const end = await lab.dync(["watch", "--live", ...words, `127.0.0.1:${lab.port}`, folder]);
        expect(end.code).toBe(2);
        return end.stderr;
      };
      expect(await wrong("--profile", "illumina", "--once")).toContain(
        'Options "--once" and "--live" are both given',
      );
      expect(await wrong()).toContain('Option "--live" needs "--profile"');
      expect(await wrong("--profile", "thermo-raw")).toContain("each file is sent as one");
      expect(await wrong("--profile", "bruker-d")).toContain("it knows no sign of the end of a run");
      const install = ["service", "install", "--print", "--live", `127.0.0.1:${lab.port}`, folder];
      expect(await lab.dync(install)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Option "--live" needs "--profile"'),
      });
    });
  },
);

test.skipIf(executablesMissing !== null || referenceMissing !== null)(
  `a server that takes no run that grows gets each when it is complete, which is said once (${referenceMissing ?? "pyzmq"})`,
  async () => {
    await using root = await tempFolder();
    const { dync } = await executables();
    const homes = await makeReferenceKeys(root.path);
    await mkdir(root.file("data"));
    folder = root.file("watched");
    await mkdir(folder);
    await using server = await startReferenceServer(homes.server, root.file("data"));
    const words = [
      "watch",
      "--live",
      "--settle",
      "1s",
      "--profile",
      "illumina",
      "-k",
      "sample:S-17",
      "--json",
    ];
    const env = { DYNC_HOME: homes.client };
    await using program = startProgram([dync, ...words, `127.0.0.1:${server.port}`, folder], { env });
    for (const run of [first, second]) {
      await write(run, { "RunInfo.xml": "<Run>" });
      await waits(program, run, "(settling|live)");
      await write(run, { "Data/C1.cbcl": "first" });
      // The server is only asked once.
      if (run === first) await waits(program, run, "live");
      await waits(program, run, "no-sign");
      await write(run, { "CopyComplete.txt": "" });
      await sent(program, run);
    }
    const { stdout, stderr } = await program.stop();
    expect(`${stdout}${stderr}`.match(/takes no run that is still being written/g)).toHaveLength(1);
    expect(
      (await readdir(root.file("data"), { recursive: true })).filter((it) => it.endsWith(".tar")),
    ).toHaveLength(2);
  },
);
