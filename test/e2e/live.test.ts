// Runs that are sent while they are written, by the real programs: `dync send --live`, and what a person does with one that has no end.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { treeOf } from "../support/live/tree-of.ts";
import { jsonLines, type Program } from "../support/programs.ts";

const live = ["--live", "--complete-on", "Done.txt", "--settle", "1s", "--json"];

interface Lines {
  readonly lab: Lab;
  readonly folder: string;
}

async function runIn(lab: Lab): Promise<Lines> {
  const folder = lab.folder.file("files", "run");
  await mkdir(join(folder, "deep"), { recursive: true });
  await writeFile(join(folder, "first.raw"), "first".repeat(100_000));
  await writeFile(join(folder, "passing.bin"), "for a while");
  return { lab, folder };
}

/** Waits until so much of it is stored, as a pattern of its bytes. */
async function untilStored(program: Program, bytes: string): Promise<void> {
  await program.line(new RegExp(`"type":"status".*"sent":${bytes},`), 60_000);
}

// Of `runIn`.
const begun = "50\\d{4}";

/** What is stored is what a send after the end stores. */
async function expectWhole({ lab, folder }: Lines): Promise<void> {
  expect(await treeOf(lab.stored("run"))).toEqual(await treeOf(folder));
  const again = await lab.send(["--json", "--dataset", "--skip-identical", "-n", "run", folder]);
  expect(again.code).toBe(0);
  expect(jsonLines(again.stdout).at(-1)).toMatchObject({ already: true });
}

describe.skipIf(executablesMissing !== null)(`dync send --live (${executablesMissing ?? "compiled"})`, () => {
  test("publishes a run as it is at its end, after a kill and changes of what was sent", async () => {
    await using lab = await openLab({ inMemory: true });
    const run = await runIn(lab);
    const { folder } = run;
    {
      await using program = lab.startSend([...live, folder]);
      await untilStored(program, begun);
      lab.expectNothingStored("run");
      await program.kill();
    }
    await appendFile(join(folder, "first.raw"), "and more");
    await rm(join(folder, "passing.bin"));
    await writeFile(join(folder, "deep", "second.raw.tmp"), "second".repeat(100_000));
    await rename(join(folder, "deep", "second.raw.tmp"), join(folder, "deep", "second.raw"));
    await using program = lab.startDync(["resume", "--json"]);
    await untilStored(program, "11\\d{5}");
    await writeFile(join(folder, "Done.txt"), "");
    expect(await program.ended(60_000)).toMatchObject({ code: 0 });
    // What it was then is known, and so it may be taken away.
    const freed = await lab.dync(["free", "--json", `127.0.0.1:${lab.port}`, folder]);
    expect(jsonLines(freed.stdout)[0]).toMatchObject({ path: folder, kind: "live", outcome: "proved" });
    await expectWhole(run);
  });

  test("goes by dync free as any other folder, and stays where something in it is another one", async () => {
    await using lab = await openLab({ inMemory: true });
    const { folder } = await runIn(lab);
    const changing = lab.folder.file("files", "other run");
    await mkdir(changing);
    await writeFile(join(changing, "a.raw"), "as it was sent");
    for (const run of [folder, changing]) {
      await writeFile(join(run, "Done.txt"), "");
      expect(await lab.send([...live, run])).toMatchObject({ code: 0 });
    }
    await writeFile(join(changing, "a.raw"), "as it is later");
    const free = (...options: readonly string[]) =>
      lab.dync(["free", "--json", ...options, `127.0.0.1:${lab.port}`, lab.folder.file("files")]);
    for (const [options, outcome] of [
      [[], "proved"],
      [["--delete"], "deleted"],
    ] as const) {
      const lines = jsonLines((await free(...options)).stdout);
      expect(lines).toContainEqual(
        expect.objectContaining({ path: changing, kind: "live", outcome: "kept", reason: "changed" }),
      );
      expect(lines).toContainEqual(
        expect.objectContaining({ path: folder, kind: "live", outcome, files: 3 }),
      );
    }
    expect(existsSync(folder)).toBe(false);
    expect((await readdir(changing)).sort()).toEqual(["Done.txt", "a.raw"]);
  });

  test("a run without an end stays unpublished, and is published as it is, or dropped, when somebody says so", async () => {
    await using lab = await openLab({ inMemory: true });
    const run = await runIn(lab);
    for (const command of ["cancel", "resume"] as const) {
      await using program = lab.startSend([...live, run.folder]);
      await untilStored(program, begun);
      await program.stop();
      lab.expectNothingStored("run");
      const listed = jsonLines((await lab.dync(["uploads", "--json"])).stdout);
      const { uploads } = listed.at(-1) as { readonly uploads: readonly { readonly id: string }[] };
      const id = uploads[0]?.id ?? "";
      const options = command === "resume" ? ["--complete"] : [];
      expect(await lab.dync([command, ...options, id])).toMatchObject({ code: 0 });
      expect((await lab.dync(["uploads"])).stdout).toBe("");
    }
    await expectWhole(run);
  });

  test("a run that was aborted, as its profile says, stays unpublished until somebody decides", async () => {
    await using lab = await openLab({ inMemory: true });
    const run = await runIn(lab);
    const { folder } = run;
    await writeFile(join(folder, "desktop.ini"), "junk");
    await using program = lab.startSend([
      ...["--live", "--profile", "illumina", "--settle", "1s", "--all", "--json"],
      folder,
    ]);
    await program.line(/"type":"live".*"waiting":"no-sign".*CopyComplete\.txt/, 60_000);
    const verdict =
      "<RunCompletionStatus><CompletionStatus>UserEndedEarly</CompletionStatus></RunCompletionStatus>";
    await writeFile(join(folder, "RunCompletionStatus.xml"), verdict);
    const end = await program.ended(60_000);
    expect(end.code).toBe(4);
    expect(jsonLines(end.stdout).at(-1)).toMatchObject({
      error: { message: expect.stringContaining("was aborted: RunCompletionStatus.xml says so") },
    });
    lab.expectNothingStored("run");
    const listed = jsonLines((await lab.dync(["uploads", "--json"])).stdout);
    const { uploads } = listed.at(-1) as { readonly uploads: readonly { readonly id: string }[] };
    expect(uploads).toHaveLength(1);
    expect(await lab.dync(["resume", "--complete", uploads[0]?.id ?? ""])).toMatchObject({ code: 0 });
    await rm(join(folder, "desktop.ini"));
    await expectWhole(run);
  });

  test("a run whose sign its profile knows is published when that is there", async () => {
    await using lab = await openLab({ inMemory: true });
    const run = await runIn(lab);
    await using program = lab.startSend([
      ...["--live", "--profile", "illumina", "--settle", "1s", "--json"],
      run.folder,
    ]);
    await untilStored(program, begun);
    lab.expectNothingStored("run");
    await writeFile(join(run.folder, "RTAComplete.txt"), "");
    await program.line(/"type":"live".*"waiting":"no-sign".*too early/, 60_000);
    await writeFile(join(run.folder, "CopyComplete.txt"), "");
    expect(await program.ended(60_000)).toMatchObject({ code: 0 });
    await expectWhole(run);
  });

  test("says what is wrong before anything is sent", async () => {
    await using lab = await openLab({ inMemory: true });
    const { folder } = await runIn(lab);
    const wrong = async (...args: readonly string[]): Promise<string> => {
      const end = await lab.send([...args, folder]);
      expect(end.code).toBe(2);
      return end.stderr;
    };
    expect(await wrong("--live")).toContain('Option "--live" needs "--complete-on" or "--profile"');
    expect(await wrong("--live", "--complete-on", "a", "--profile", "illumina")).toContain("both say when");
    expect(await wrong("--profile", "illumina", "--dataset")).toContain('"--profile" needs "--live"');
    expect(await wrong("--live", "--profile", "ilumina")).toContain('did you mean "illumina"?');
    expect(await wrong("--live", "--profile", "thermo-raw")).toContain("each file is sent as one");
    expect(await wrong("--complete-on", "Done.txt", "--dataset")).toContain('"--complete-on" needs "--live"');
    expect(await wrong("--live", "--complete-on", "a//b")).toContain("has an empty part");
    expect(await wrong("--live", "--complete-on", "a", "--dry-run", "-r")).toContain(
      'Options "--live" and "--dry-run" are both given',
    );
    const end = await lab.dync(["resume", "--complete"]);
    expect(end).toMatchObject({ code: 2, stderr: expect.stringContaining('"--complete" needs an ID') });
  });
});
