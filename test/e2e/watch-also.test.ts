// Folders that are sent along with a watched one, on the compiled programs.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, type ProgramEnd } from "../support/programs.ts";

let lab: Lab;
let folder: string;
let calibration: string;

function line(...options: readonly string[]): readonly string[] {
  return ["watch", "--settle", "1s", "-k", "sample:S-17", ...options, `127.0.0.1:${lab.port}`, folder];
}

const alsoLines = (end: Pick<ProgramEnd, "stdout">): readonly Readonly<Record<string, unknown>>[] =>
  jsonLines(end.stdout).filter(({ type }) => type === "also");

/** The datasets of the calibration that are stored. */
const stored = (): readonly string[] =>
  readdirSync(join(lab.data, "alice")).filter((name) => /^calibration-\d{8}T\d{6}Z$/.test(name));

describe.skipIf(executablesMissing !== null)(`sent along (${executablesMissing ?? "compiled"})`, () => {
  beforeEach(async () => {
    lab = await openLab({ inMemory: true });
    folder = lab.folder.file("files", "watched");
    // Within the watched folder it is no entry all the same.
    calibration = join(folder, "calibration");
    await mkdir(calibration, { recursive: true });
    await writeFile(join(calibration, "mass.xml"), "<m/>");
    await writeFile(join(folder, "a.raw"), "a");
  });
  afterEach(async () => await lab[Symbol.asyncDispose]());

  test("a folder goes at its rhythm when it has changed, across restarts, and is no entry of its own", async () => {
    const often = ["--also", calibration, "--every", "1s"];
    const asked = await lab.dync(line("--explain", ...often));
    expect(asked.stdout).toContain(`${calibration}: settling: `);
    expect(asked.stdout).toContain(
      "(It was not sent yet); sent along every 1s when it has changed; never sent\n",
    );
    const first = await lab.dync(line("--once", "--json", ...often));
    expect([first.code, stored().length]).toEqual([0, 1]);
    const [name = ""] = stored();
    expect(alsoLines(first).at(-1)).toMatchObject({ folder: calibration, state: "sent", name });
    expect(await readFile(join(lab.stored(name), "mass.xml"), "utf8")).toBe("<m/>");
    expect(await lab.metadata(name)).toEqual({ sample: "S-17" });
    expect(jsonLines(first.stdout).at(-1)).toMatchObject({ entries: 1, stored: 1 });

    await using watcher = lab.startDync(line("--json", ...often));
    await watcher.line(/"type":"also".*"state":"unchanged"/, 60_000);
    await writeFile(join(calibration, "mass.xml"), "<m v='2'/>");
    await writeFile(join(calibration, "metadata.json"), '{"sample": "own"}');
    await watcher.line(/"type":"also".*"state":"sent"/, 60_000);
    const second = stored().find((it) => it !== name) ?? "";
    expect(await readFile(join(lab.stored(second), "mass.xml"), "utf8")).toBe("<m v='2'/>");
    expect(await lab.metadata(second)).toEqual({ sample: "own" });
    expect(stored()).toHaveLength(2);
  });

  test("0: one that is not there is said, and all else goes", async () => {
    const missing = join(lab.folder.path, "missing");
    const end = await lab.dync(line("--once", "--also", missing));
    expect(end).toMatchObject({ code: 0 });
    expect(end.stderr).toContain(`"${missing}" waits (not-reachable): It is not there`);
    await lab.expectStored(join(folder, "a.raw"));
  });

  test("2: what is said wrong is named before anything is sent", async () => {
    const said = async (...options: readonly string[]): Promise<string> => {
      const end = await lab.dync(line("--once", ...options));
      expect(end).toMatchObject({ code: 2, stdout: "" });
      return end.stderr;
    };
    expect(await said("--every", "8h")).toContain('Option "--every" is given, and no "--also"');
    expect(await said("--also", "/a", "--also", "/a")).toContain('Option "--also" names "/a" twice');
    expect(await said("--also", "/a", "--every", "1h", "--every", "2h")).toContain(
      '"--every" is given 2 times',
    );
    expect(await said("--also", "/a", "--every", "often")).toContain('"--every"');
    expect(await said("--also", join(folder, ".."))).toContain("The watched folder is in");
    expect(lab.published()).toEqual([]);
  });
});
