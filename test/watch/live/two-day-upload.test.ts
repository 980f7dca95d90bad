// A run of two days that is sent while it is written by the client's own code to the server's own, in simulated time, with everything
// that may come in between: how much is sent in vain, when the end comes, and what is stored. `two-day-run.test.ts` has more files, and a model of both.
// DYNC_LIVE_FILES=100000 has as many files as such a run has, and takes nine minutes of processor time.

import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { canTellRest } from "../../support/live/at-rest.ts";
import { LiveWorld } from "../../support/live/live-world.ts";
import { RunOnDisk } from "../../support/live/run-on-disk.ts";
import { treeOf } from "../../support/live/tree-of.ts";
import { runMs, signName, twoDayRun } from "../../support/live/two-day-run.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const files = Number(process.env.DYNC_LIVE_FILES ?? 200);
const scale = 1000;
const bytes = 3_000_000 * files;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
// The instrument stands still for days, between two files: what it had half of would be complete by then, and would go twice.
const pauseFromMs = 32 * hourMs;
const pauseMs = 72 * hourMs;
const endMs = runMs + pauseMs;
// A window is to the run what one of 64 MiB is to 300 GB, or little more.
const isLarge = files >= 10_000;
const line = isLarge
  ? { lineBytesPerSecond: 60_000, chunkBytes: 8192, windowChunks: 8 }
  : { lineBytesPerSecond: 6_000, chunkBytes: 512, windowChunks: 4 };

const { cpuUsage } = process;

afterEach(() => {
  process.cpuUsage = cpuUsage;
});

/** What happens to both sides and the line, and when. */
function disturbances(world: LiveWorld): (readonly [atMs: number, what: () => Promise<void> | void])[] {
  return [
    [3 * hourMs, () => world.cut()],
    [7 * hourMs, () => world.killClient()],
    [7 * hourMs + 10 * minuteMs, () => world.startClient()],
    [9 * hourMs, () => world.cut()],
    [11 * hourMs, () => world.killServer()],
    [11 * hourMs + minuteMs, () => world.startServer()],
    [13 * hourMs, () => world.stopServer()],
    [16 * hourMs, () => world.startServer()],
    [pauseFromMs + 12 * hourMs, () => world.stopClient()],
    [pauseFromMs + pauseMs - hourMs, () => world.startClient()],
    [endMs - 8 * hourMs, () => world.cut()],
    [endMs + 5_000, () => world.cut()],
  ];
}

test.skipIf(!canTellRest)(
  `a run of two days with ${files} files is stored two minutes after its sign at most, as a send after the end stores it, and each byte goes 1.02 times at most, but for one file`,
  async () => {
    await using folder = await tempFolder(existsSync("/dev/shm") ? "/dev/shm" : undefined);
    const run = folder.file("run");
    mkdirSync(run);
    // As of 100,000 files on a drive that answers slowly.
    const world = new LiveWorld({
      ...{ folder: folder.path, run, completeOn: signName, settleMs: minuteMs, lookCpuMs: 2_000 },
      ...line,
    });
    process.cpuUsage = world.cpuUsage as typeof process.cpuUsage;
    const steps = twoDayRun(files, bytes, 7).map((step) =>
      step.at < pauseFromMs ? step : { ...step, at: step.at + pauseMs },
    );
    const disk = new RunOnDisk(run, steps, scale);
    const write = (): void => {
      disk.step(world.clock.date());
      if (Number.isFinite(disk.dueAt)) world.at(disk.dueAt, write);
    };
    world.at(disk.dueAt, write);
    await world.startServer();
    world.startClient();
    const due = disturbances(world);
    while (world.receipt === null && world.clock.now() < endMs + 10 * minuteMs) {
      const next = due[0];
      if (next !== undefined && next[0] <= world.clock.now()) await due.shift()![1]();
      else await world.step();
    }
    const { receipt, receiptAt, bytesGiven, bytesSent } = world;
    const after = await world.sendAfterwards("after");
    const figures = {
      files,
      endAfterSeconds: (receiptAt - endMs) / 1000,
      givenTimes: bytesGiven / disk.bytes,
      sentAgain: bytesSent / (receipt?.bytes ?? 0),
    };
    if (process.env.DYNC_LIVE_FILES !== undefined) process.stderr.write(`${JSON.stringify(figures)}\n`);
    expect(await treeOf(world.stored("run"), true)).toEqual(await treeOf(world.stored("after"), true));
    expect(after.unpacked).toBe(true);
    expect(figures.endAfterSeconds).toBeLessThan(120);
    // Of so few files one may go twice that is a large part of all: with 100,000 it is a fifth of a per cent.
    const largest = disk.largest / disk.bytes;
    expect(figures.givenTimes * figures.sentAgain).toBeLessThan(1.02 + (isLarge ? 0 : largest));
    await world.close();
  },
  3_600_000,
);
