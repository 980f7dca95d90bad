// Sizes at which numbers and memory give way: more than 32 bits can count, 8 GiB with the memory of 1 GiB, and many
// large uploads at once. The smaller variants are in test/e2e.

import { describe, expect, test } from "bun:test";
import { open, statfs } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { PeakMemory } from "../support/process-tree.ts";

const MB = 1_000_000;
const GiB = 1024 ** 3;
const clientMemoryMax = 120 * MB;
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
        `${text} arrive whole, in no more memory than 1 GiB`,
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
