// Files on a drive that is not a local disk: the size is not told, or wrong, and for a while nothing can be read.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { type Program, startProgram } from "../support/programs.ts";

const script = join(import.meta.dir, "../support/fuse_files.py");
const python = ["/usr/bin/python3", "-B"];
const missing = executablesMissing ?? fuseMissing();

function fuseMissing(): string | null {
  if (!existsSync("/dev/fuse") || Bun.which("fusermount3") === null) return "fuse3 is missing";
  const trial = "try: import fuse\nexcept ImportError: import fusepy";
  return spawnSync(python[0] ?? "", [...python.slice(1), "-c", trial]).status === 0
    ? null
    : "fusepy is missing";
}

describe.skipIf(missing !== null)(`files on an odd drive (${missing ?? "FUSE"})`, () => {
  let lab: Lab;
  let drive: Program;
  let folder: string;
  let content: string;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true, server: ["--chunk", "64KiB", "--window", "4"] });
    content = await lab.file("content.bin", 20_000_000);
    folder = lab.folder.file("drive");
    await mkdir(folder);
    drive = startProgram([...python, script, folder, content]);
    await drive.line(/mounted/);
  });
  afterAll(async () => {
    spawnSync("fusermount3", ["-u", "-z", folder]);
    await drive[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  test("one whose size is not told is read to its end", async () => {
    expect(await lab.send(["-q", join(folder, "nosize")])).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(content, "nosize");
  });

  test("one that is longer than told is not stored in part, and nothing is left to go on with", async () => {
    const end = await lab.send(["-q", join(folder, "wrong")]);
    expect(end.code).toBe(4);
    expect(end.stderr).toContain("more than the 10 bytes");
    expect(end.stderr).toContain("cat FILE | dync -k KEY:VALUE -n NAME SERVER");
    expect(end.stderr).not.toContain("resume");
    expect(await lab.dync(["uploads"])).toMatchObject({ stdout: "" });
    lab.expectNothingStored("wrong");
  });

  test("one that cannot be read for a while is gone on with by the same command", async () => {
    const path = join(folder, "away");
    await writeFile(`${content}.away`, "");
    const end = await lab.send(["-q", path]);
    expect(end.code).toBe(4);
    expect(end.stderr).toContain("the disk reports an error");
    expect(end.stderr).toContain("dync resume");
    await rm(`${content}.away`);
    expect(await lab.send(["-q", path])).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(content, "away");
    await lab.server.line(/"Upload resumed".*"away".*"offset":[1-9]/);
  });
});
