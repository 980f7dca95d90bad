// Attacks on libzmq inside the server for minutes, each beside honest uploads: the server lives, stays below 250 MB, and
// the uploads keep most of their speed. Short versions are in test/e2e/attacks.test.ts.

import { describe, expect, test } from "bun:test";
import { readFile, rm } from "node:fs/promises";
import { type Crowd, startCrowd } from "../support/crowd.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { patchesMissing } from "../support/own-library.ts";
import { referenceMissing } from "../support/reference.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const MB = 1_000_000;
const serverMemoryMax = 250 * MB;
const uploadMB = 500;
/** Of the speed alone; the middle one of several uploads each, so that a moment of another program's does not count. */
const speedMin = 0.6;
const onLinux = process.platform === "linux" ? null : "needs /proc and prlimit";
const reason = executablesMissing ?? referenceMissing ?? onLinux ?? patchesMissing;

describe.skipIf(reason !== null)(`attacks on libzmq, for minutes (${reason ?? "compiled"})`, () => {
  test(
    "twenty authorised clients with heartbeats for ten minutes",
    () => withstand("heartbeats", 20, 10 * minuteMs, speedMin),
    20 * minuteMs,
  );

  test(
    "five thousand strangers that never finish a frame",
    () => withstand("half-frames", 5000, 2 * minuteMs, speedMin),
    10 * minuteMs,
  );

  // They fill the queue at the door, from the address of the honest client: it gets in after some seconds.
  test("five thousand silent strangers", () => withstand("silent", 5000, 2 * minuteMs, 0), 10 * minuteMs);

  test(
    "six hundred silent strangers and 256 descriptors: no busy loop",
    async () => {
      const under = ["prlimit", "--nofile=256:256", "--"];
      await using lab = await openLab({ inMemory: true, start: { under } });
      await using crowd = await startCrowd(lab, "silent", 600);
      const [before, startedAt] = [await cpuSeconds(lab), performance.now()];
      // Everybody was put out some times.
      await crowd.line(/^Ended 6000$/, 5 * minuteMs);
      const share = ((await cpuSeconds(lab)) - before) / ((performance.now() - startedAt) / 1000);
      note("600 silent strangers, 256 descriptors", { "of a processor": Number(share.toFixed(2)) });
      expect(share).toBeLessThan(0.5);
      await lab.expectAlive();
    },
    6 * minuteMs,
  );
});

/** Runs the attack for `durationMs`, and uploads meanwhile, at least at `factor` of the speed before. */
async function withstand(what: Crowd, count: number, durationMs: number, factor: number): Promise<void> {
  await using lab = await openLab({ inMemory: true });
  const path = await lab.file("honest.raw", uploadMB * MB);
  const alone = [];
  for (let index = 0; index < 3; index++) alone.push(await speedOf(lab, path, `alone-${index}`));
  await using _crowd = await startCrowd(lab, what, count);
  const crowded = [];
  for (const startedAt = performance.now(); performance.now() - startedAt < durationMs; ) {
    crowded.push(await speedOf(lab, path, `crowded-${crowded.length}`));
  }
  const memory = await lab.serverMemoryMax();
  note(`${count} × ${what}`, {
    "MB/s alone": Math.round(middle(alone)),
    "MB/s beside them": Math.round(middle(crowded)),
    "server MB": Math.round(memory / MB),
  });
  await lab.expectAlive();
  expect(memory).toBeLessThan(serverMemoryMax);
  expect(middle(crowded)).toBeGreaterThan(factor * middle(alone));
}

/** Uploads the file, and forgets it; MB/s. */
async function speedOf(lab: Lab, path: string, name: string): Promise<number> {
  const startedAt = performance.now();
  expect(await lab.send(["-q", "-n", `${name}.raw`, path], {}, 2 * minuteMs)).toMatchObject({ code: 0 });
  const seconds = (performance.now() - startedAt) / 1000;
  await lab.expectStored(path, `${name}.raw`);
  await rm(lab.stored(`${name}.raw`));
  return uploadMB / seconds;
}

function middle(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

/** Processor time that the server has used so far. */
async function cpuSeconds(lab: Lab): Promise<number> {
  const fields = (await readFile(`/proc/${lab.server.pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  // In hundredths of a second on every Linux.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
