// Sizes at which numbers and memory give way: more than 32 bits can count, 8 GiB with the memory of 512 MiB, and many
// large uploads at once. The smaller variants are in test/e2e.

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { PeakMemory } from "../support/process-tree.ts";
import { runProgram } from "../support/programs.ts";
import { tarProgramsMissing } from "../support/tar-programs.ts";

const MB = 1_000_000;
const GiB = 1024 ** 3;
const clientMemoryMax = 120 * MB;
// A stream is kept as far as it may be asked for again, and the command that makes it counts as well: 140 to 160 MB of any size.
const streamMemoryMax = 200 * MB;
const serverMemoryMax = 250 * MB;
const clients = 50;
const deadlineMs = 900_000;

describe.skipIf(executablesMissing !== null || process.platform !== "linux")(
  `large files (${executablesMissing ?? "compiled"})`,
  () => {
    for (const [text, size] of [
      ["one byte more than 4 GiB", 4 * GiB + 1],
      ["8 GiB", 8 * GiB],
    ] as const) {
      test(
        `${text} arrive whole, in no more memory than 512 MiB`,
        async () => {
          await using lab = await openLab({ inMemory: await fitsIntoMemory(size) });
          const path = await lab.file("huge.raw", "");
          await writeLandmarks(path, size);
          await using program = lab.startSend(["-q", path]);
          const memory = new PeakMemory(program.pid);
          expect(await program.ended(deadlineMs)).toMatchObject({ code: 0, stderr: "" });
          expect(memory.stop()[0]).toBeLessThan(clientMemoryMax);
          expect(await lab.serverMemoryMax()).toBeLessThan(serverMemoryMax);
          await lab.expectStored(path);
        },
        deadlineMs,
      );
    }

    test.skipIf(tarProgramsMissing !== null).each([["pax"], ["gnu"]])(
      "a member of 8 GiB, which only the newer forms of a size can say, arrives whole by --unpack: %s",
      async (format) => {
        const size = 8 * GiB;
        await using lab = await openLab({ inMemory: await fitsIntoMemory(size) });
        await writeLandmarks(await lab.file("run42-huge.raw", ""), size);
        await lab.file("run42-after.txt", "behind it");
        const command = ["tar", `--format=${format}`, "-c", "-C", lab.folder.file("files"), "run42-huge.raw"];
        const to = ["--unpack", "--stdin-from-command", "-n", "run42.tar", `127.0.0.1:${lab.port}`, "--"];
        await using program = lab.startDync([
          "-q",
          "-k",
          "sample:S-17",
          ...to,
          ...command,
          "run42-after.txt",
        ]);
        const memory = new PeakMemory(program.pid);
        expect(await program.ended(deadlineMs)).toMatchObject({ code: 0, stderr: "" });
        expect(memory.stop()[0]).toBeLessThan(streamMemoryMax);
        expect(await lab.serverMemoryMax()).toBeLessThan(serverMemoryMax);
        const names = ["run42-after.txt", "run42-huge.raw"];
        expect(readdirSync(lab.stored("run42")).sort()).toEqual(names);
        const sums = await sha256sum(lab.folder.file("files"), names);
        expect(await sha256sum(lab.stored("run42"), names)).toBe(sums);
        const list = await Bun.file(`${lab.stored("run42")}.sha256`).text();
        expect(list).toBe(sums.replaceAll("  ", "  run42/"));
      },
      deadlineMs,
    );

    test(
      `${clients} clients at once, 100 MB each, all finish on the default budget and on a small one`,
      async () => {
        for (const budget of [[], ["--memory", "4MiB"]]) {
          await using lab = await openLab({
            inMemory: await fitsIntoMemory(100 * MB * clients),
            server: budget,
          });
          const path = await lab.file("crowd.raw", 100 * MB);
          const sends = Array.from({ length: clients }, (_, index) =>
            lab.send(["-q", "-n", `crowd-${index}.raw`, path], {}, deadlineMs),
          );
          for (const end of await Promise.all(sends)) expect(end).toMatchObject({ code: 0, stderr: "" });
          expect(await lab.serverMemoryMax()).toBeLessThan(serverMemoryMax);
          for (let index = 0; index < clients; index++) await lab.expectStored(path, `crowd-${index}.raw`);
        }
      },
      deadlineMs,
    );
  },
);

/** What sha256sum says of these files of a folder. */
async function sha256sum(folder: string, names: readonly string[]): Promise<string> {
  const { code, stdout } = await runProgram(["sha256sum", ...names], { cwd: folder }, deadlineMs);
  expect(code).toBe(0);
  return stdout;
}

/** A file with holes, cheap at any size, in which every GiB and both sides of 4 GiB differ. */
async function writeLandmarks(path: string, size: number): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.truncate(size);
    const places = [0, 2 ** 31 - 1, 2 ** 32 - 1, 2 ** 32, size - 1];
    for (let offset = GiB; offset < size; offset += GiB) places.push(offset);
    for (const offset of places) await file.write(Buffer.from([1 + (offset % 251)]), 0, 1, offset);
  } finally {
    await file.close();
  }
}

/** Whether the folder that is memory has room for the stored bytes, and some. */
async function fitsIntoMemory(size: number): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs("/dev/shm");
    return bavail * bsize > 1.5 * size;
  } catch {
    return false;
  }
}
