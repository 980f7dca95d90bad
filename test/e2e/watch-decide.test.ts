// A person decides of runs that their instrument holds back, also while they are watched, on the compiled programs.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import type { ProgramEnd } from "../support/programs.ts";

let lab: Lab;
let folder: string;

const failed =
  "<RunCompletionStatus><CompletionStatus>ExceptionEndedEarly</CompletionStatus></RunCompletionStatus>";

/** A run of an Illumina sequencer. */
function makeRun(name: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, name), { recursive: true });
  for (const [path, text] of Object.entries({ "RunInfo.xml": "<Run/>", ...files }))
    writeFileSync(join(folder, name, path), text);
}

function line(...options: readonly string[]): readonly string[] {
  const how = ["--settle", "1s", "--profile", "illumina", "-k", "sample:S-17"];
  return ["watch", ...how, ...options, `127.0.0.1:${lab.port}`, folder];
}

const decide = (...words: readonly string[]): Promise<ProgramEnd> => lab.dync(["watch", ...words, folder]);

describe.skipIf(executablesMissing !== null)(`a person decides (${executablesMissing ?? "compiled"})`, () => {
  beforeEach(async () => {
    lab = await openLab({ inMemory: true });
    folder = lab.folder.file("files", "watched");
    mkdirSync(folder);
    makeRun("241127_A01_1_FAILED", { "CopyComplete.txt": "", "RunCompletionStatus.xml": failed });
    makeRun("241127_A01_2_BROKEN", { "CopyComplete.txt": "", "RunCompletionStatus.xml": failed });
    makeRun("241127_A01_3_SIGNLESS", {});
  });
  afterEach(async () => await lab[Symbol.asyncDispose]());

  test("that runs are sent all the same, and that one is left alone for good, while a watcher runs", async () => {
    {
      await using watcher = lab.startDync(line("--json"));
      for (const reason of ["FAILED.*run-failed", "BROKEN.*run-failed", "SIGNLESS.*no-sign"])
        await watcher.line(new RegExp(reason), 60_000);
      const end = await decide(
        "--send",
        "241127_A01_1_FAILED",
        "--leave",
        join(folder, "241127_A01_2_BROKEN"),
      );
      expect(end).toMatchObject({ code: 0, stderr: "" });
      expect(end.stdout).toBe(
        "241127_A01_1_FAILED: is sent as soon as it is quiet, whatever its instrument says\n" +
          "241127_A01_2_BROKEN: is left alone\n",
      );
      await watcher.line(/FAILED","kind":"folder","state":"sent"/, 60_000);
      await watcher.line(/BROKEN".*"reason":"left"/, 60_000);
      await decide("--send", "241127_A01_3_SIGNLESS");
      await watcher.line(/SIGNLESS","kind":"folder","state":"sent"/, 60_000);
    }
    expect(readFileSync(join(lab.stored("241127_A01_1_FAILED"), "RunCompletionStatus.xml"), "utf8")).toBe(
      failed,
    );
    const again = await lab.dync(line("--once", "--json"));
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(
      /BROKEN","kind":"folder","state":"waiting","reason":"left","detail":"[^"]+, 2/,
    );
    expect(again.stdout).not.toContain('"state":"sent"');
    await decide("--wait", "241127_A01_2_BROKEN");
    const shown = await lab.dync(line("--explain"));
    expect(shown.stdout).toContain("241127_A01_2_BROKEN: run-failed: ");
    expect(existsSync(lab.stored("241127_A01_2_BROKEN"))).toBe(false);
  });

  test("what waits for a person says how to decide, and what is decided wrong is named", async () => {
    const end = await lab.dync(line("--once"));
    expect(end.stderr).toContain(
      "; to send it all the same: dync watch --send 241127_A01_1_FAILED DIR; to leave it alone: --leave 241127_A01_1_FAILED\n",
    );
    expect(await decide("--send", "nothing")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no "nothing" in '),
    });
    const other = lab.folder.file("files");
    const elsewhere = await lab.dync(["watch", "--send", "watched", other]);
    expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining("ever watched") });
    const twice = await decide("--send", "241127_A01_1_FAILED", "--leave", "./241127_A01_1_FAILED");
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining("is said twice") });
  });

  test("nobody's word sends what is still open for writing, or has a journal beside it", async () => {
    const run = join(folder, "a.d");
    mkdirSync(run);
    for (const name of ["analysis.tdf", "analysis.tdf_bin", "analysis.tdf-wal"])
      writeFileSync(join(run, name), "x");
    const bruker = line("--once", "--json").map((it) => (it === "illumina" ? "bruker-d" : it));
    await lab.dync(bruker);
    expect(await decide("--send", "a.d")).toMatchObject({ code: 0 });
    expect((await lab.dync(bruker)).stdout).toContain('"reason":"journal-beside"');
    expect(existsSync(lab.stored("a.d"))).toBe(false);
  });
});
