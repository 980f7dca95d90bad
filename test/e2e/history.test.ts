// `dync history` with the compiled programs: what was confirmed, from files, folders and pipes.

import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";

describe.skipIf(executablesMissing !== null)(`dync history (${executablesMissing ?? "compiled"})`, () => {
  test("lists what was sent, by place and time, and nothing that failed", async () => {
    await using lab = await openLab({ inMemory: true });
    const history = (...args: readonly string[]) => lab.dync(["history", ...args]);
    expect(await history()).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "Nothing of that kind was sent from here\n",
    });

    const run = join(lab.folder.file("files"), "run1");
    await mkdir(run);
    for (const name of ["x.raw", "y.raw"]) await writeFile(join(run, name), name);
    expect((await lab.send(["-r", run])).code).toBe(0);
    expect((await lab.send(["--dataset", run])).code).toBe(0);
    const renamed = await lab.file("c.raw", "c");
    expect((await lab.send(["-n", "other.raw", renamed])).code).toBe(0);
    expect((await lab.send(["-n", "piped.raw"], { stdin: new Blob(["piped"]) })).code).toBe(0);
    expect((await lab.send(["-n", "other.raw", renamed])).stderr).toContain("Stored already");
    expect((await lab.send(["-n", "other.raw", await lab.file("d.raw", "d")])).code).toBe(7);

    const { code, stdout, stderr } = await history();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const shape = /^\d{4}-\d\d-\d\d \d\d:\d\d {2}[\d.]+ \w+ {2}(.*) {2}[0-9a-f]{64} {2}[0-9a-f]{32}$/;
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => shape.exec(line)?.[1] ?? line);
    const to = `to 127.0.0.1:${lab.port}`;
    expect(lines.slice(0, 2).sort()).toEqual([`"${run}/x.raw" ${to}`, `"${run}/y.raw" ${to}`]);
    expect(lines.slice(2)).toEqual([
      `"${run}" ${to}`,
      `"${renamed}" as "other.raw" ${to}`,
      `standard input as "piped.raw" ${to}`,
      `"${renamed}" as "other.raw" ${to}, where it was already`,
    ]);

    expect((await history(run)).stdout.trimEnd().split("\n").length).toBe(3);
    expect((await history(`${run}/x.raw`, renamed)).stdout.trimEnd().split("\n").length).toBe(3);
    expect((await history("--since", "1h")).stdout).toBe(stdout);
    expect((await history("--since", "2099-01-01")).stdout).toBe("");
    const json = (await history("--json", renamed)).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(json).toEqual([
      expect.objectContaining({ type: "upload", name: "other.raw", path: renamed, bytes: 1, already: false }),
      expect.objectContaining({ type: "upload", name: "other.raw", path: renamed, bytes: 1, already: true }),
      { schema: 1, type: "summary", ok: true, exit: 0, entries: 2 },
    ]);
  });

  test("2: a time that is none", async () => {
    await using lab = await openLab({ inMemory: true });
    const end = await lab.dync(["history", "--since", "yesterday"]);
    expect(end).toMatchObject({ code: 2, stderr: expect.stringContaining("needs a date or a duration") });
  });
});
