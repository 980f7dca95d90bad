// Bounds that hold however many come: a thousand connections that do nothing while one upload runs, 200 clients at
// once, 24,000 uploads one after the other.

import { describe, expect, test } from "bun:test";
import { expectNothingLeft } from "../support/aftermath.ts";
import { startCrowd, startUploads } from "../support/crowd.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Held, heldBy } from "../support/growth.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { referenceMissing } from "../support/reference.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const MB = 1_000_000;
const serverMemoryMax = 250 * MB;
const reason =
  executablesMissing ?? referenceMissing ?? (process.platform === "linux" ? null : "needs /proc");

describe.skipIf(reason !== null)(`crowds (${reason ?? "compiled"})`, () => {
  for (const what of ["idle", "half-open"] as const) {
    test(
      `a thousand ${what} connections do not slow an honest upload down`,
      async () => {
        await using lab = await openLab({ inMemory: true });
        const path = await lab.file("honest.raw", 500 * MB);
        const alone = await secondsOf(lab, path, "alone");
        await using _crowd = await startCrowd(lab, what, 1000);
        const crowded = await secondsOf(lab, path, "crowded");
        note(`1,000 ${what} connections`, {
          "MB/s alone": Math.round(500 / alone),
          "MB/s beside them": Math.round(500 / crowded),
          "server MB": Math.round((await lab.serverMemoryMax()) / MB),
        });
        // Others use this machine as well: a factor of two and a half is noise, a stall would be a factor of ten.
        expect(crowded).toBeLessThan(2.5 * alone + 1);
        expect(await lab.serverMemoryMax()).toBeLessThan(serverMemoryMax);
        await lab.expectAlive();
      },
      6 * minuteMs,
    );
  }

  test(
    "200 clients at once leave the server under 250 MB",
    async () => {
      await using lab = await openLab({ inMemory: true, server: ["--memory", "64MiB"] });
      await using crowd = startUploads(lab, { count: 200, bytes: 5 * MB, atOnce: 200 });
      expect(await crowd.ended(5 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      const memory = await lab.serverMemoryMax();
      note("200 clients at once", { "server MB": Math.round(memory / MB) });
      expect(memory).toBeLessThan(serverMemoryMax);
      expect(lab.published()).toHaveLength(3 * 200);
      await expectNothingLeft(lab);
    },
    6 * minuteMs,
  );

  test(
    "a thousand uploads under way take the server its budget and 175 MB at most",
    async () => {
      const budget = 64 * 1024 ** 2;
      const server = ["--memory", String(budget), "--uploads-per-user", "1000"];
      await using lab = await openLab({ inMemory: true, server });
      await using crowd = startUploads(lab, { count: 1000, bytes: 3 * MB, atOnce: 1000 });
      expect(await crowd.ended(8 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      const memory = await lab.serverMemoryMax();
      note("1,000 uploads at once", { "server MB": Math.round(memory / MB) });
      // Measured: 156 MB beside it, on a busy machine.
      expect(memory).toBeLessThan(budget + 175 * MB);
      expect(lab.published()).toHaveLength(3 * 1000);
    },
    10 * minuteMs,
  );

  test(
    "24,000 small uploads leave no descriptor open and no memory behind",
    async () => {
      await using lab = await openLab({ inMemory: true });
      await using crowd = startUploads(lab, { count: 24_000, bytes: 2000, atOnce: 4 });
      const samples: Held[] = [];
      for (let thousands = 2; thousands <= 24; thousands++) {
        await crowd.line(new RegExp(`^Uploaded ${thousands}000$`), 10 * minuteMs);
        samples.push(heldBy(lab.server.pid));
      }
      expect(await crowd.ended(minuteMs)).toMatchObject({ code: 0, stderr: "" });
      const [early, late] = [samples.slice(0, 11), samples.slice(12)].map(rangeOf) as [Range, Range];
      note("24,000 uploads", {
        "descriptors at most, first half": early.descriptors,
        "second half": late.descriptors,
        "lowest MB, first half": Math.round(early.bytesMin / MB),
        "lowest MB, second half": Math.round(late.bytesMin / MB),
        "highest MB": Math.round(Math.max(early.bytesMax, late.bytesMax) / MB),
      });
      // Four uploads are under way whenever one looks, each with its connection and its file.
      expect(late.descriptors).toBeLessThanOrEqual(early.descriptors + 8);
      // Garbage comes and goes; what stays is seen when it has just been collected.
      expect(late.bytesMin).toBeLessThan(early.bytesMin + 40 * MB);
      expect(lab.published()).toHaveLength(3 * 24_000);
      await expectNothingLeft(lab);
    },
    25 * minuteMs,
  );
});

interface Range {
  readonly descriptors: number;
  readonly bytesMin: number;
  readonly bytesMax: number;
}

function rangeOf(samples: readonly Held[]): Range {
  const bytes = samples.map((sample) => sample.bytes);
  return {
    descriptors: Math.max(...samples.map((sample) => sample.descriptors)),
    bytesMin: Math.min(...bytes),
    bytesMax: Math.max(...bytes),
  };
}

async function secondsOf(lab: Lab, path: string, name: string): Promise<number> {
  const startedAt = performance.now();
  expect(await lab.send(["-q", "-n", `${name}.raw`, path], {}, 2 * minuteMs)).toMatchObject({ code: 0 });
  const seconds = (performance.now() - startedAt) / 1000;
  await lab.expectStored(path, `${name}.raw`);
  return seconds;
}
