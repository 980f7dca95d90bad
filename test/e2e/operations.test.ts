// What doc/operations.md tells to type for checking what is stored, in a folder of more files than a command line takes.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checksumText } from "../../src/upload/sidecar.ts";
import { runProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const manual = resolve(import.meta.dir, "../../doc/operations.md");
const command = existsSync(manual)
  ? (/`cd \/srv\/dync\/meyer && (.*sha256sum -c.*)`/.exec(readFileSync(manual, "utf8"))?.[1] ?? null)
  : null;
const files = 60_000;
const missing =
  Bun.which("sha256sum") === null ? "sha256sum is missing" : command === null ? "no such line" : null;

test.skipIf(missing !== null)(
  `${files} stored files are checked by one line, which names the one that is wrong (${missing ?? "sha256sum"})`,
  async () => {
    await using folder = await tempFolder(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
    mkdirSync(folder.file("meyer"));
    const name = (number: number): string => `a run with a name of some length ${number}.raw`;
    for (let number = 0; number < files; number++) {
      const path = join(folder.file("meyer"), name(number));
      writeFileSync(path, "");
      writeFileSync(`${path}.sha256`, checksumText(createHash("sha256").digest("hex"), name(number)));
    }
    const check = () => runProgram(["sh", "-c", command ?? ""], { cwd: folder.file("meyer") }, 60_000);
    expect(await check()).toMatchObject({ code: 0, stdout: "", stderr: "" });
    writeFileSync(join(folder.file("meyer"), name(4711)), "x");
    expect(await check()).toMatchObject({ code: 1, stdout: `${name(4711)}: FAILED\n` });
  },
);
