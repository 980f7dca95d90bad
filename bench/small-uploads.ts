// Many small uploads at once by one pyzmq process, over the seed's protocol: what the server spends on each of them, on
// a disk and in memory. `bun bench/bench.ts --small`.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { startUploads } from "../test/support/crowd.ts";
import { executables, executablesMissing, makeKeys, startServer } from "../test/support/executables.ts";
import { treeCpuSeconds } from "../test/support/process-tree.ts";
import { referenceMissing } from "../test/support/reference.ts";
import { align, median, range } from "./table.ts";

const upload = { bytes: 10 * 1024, atOnce: 16 };
// A server runs for months; the runtime's compilers are done with what this takes after some 15,000 uploads: from 3,000 to 6,000 each of them
// still costs a quarter more.
const warmUps = 15_000;
const count = 3000;
const deadlineMs = 600_000;

/** One round: of each upload, and of the server alone. */
interface Round {
  readonly perSecond: number;
  readonly cpuMs: number;
}

/** Measures in each of `folders` that is there; returns the lines of a table. */
export async function smallUploadLines(
  folders: readonly string[],
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  const missing = executablesMissing ?? referenceMissing;
  if (missing !== null) return [`small uploads: skipped: ${missing}`];
  const rows = [["10 KB, 16 at once", "uploads/s", "min..max", "server CPU ms each", "min..max", ""]];
  for (const folder of folders.filter((it) => existsSync(it))) {
    const results: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`small uploads in ${folder}, round ${round + 1} of ${rounds}`);
      results.push(await measureRound(folder));
    }
    const speeds = results.map(({ perSecond }) => perSecond);
    const costs = results.map(({ cpuMs }) => cpuMs);
    rows.push([
      folder,
      median(speeds).toFixed(0),
      range(speeds, 0),
      median(costs).toFixed(2),
      range(costs, 2),
      "",
    ]);
  }
  return align(rows);
}

async function measureRound(parent: string): Promise<Round> {
  const folder = await mkdtemp(join(parent, "dync-small-"));
  try {
    const programs = await executables();
    const homes = await makeKeys(programs, folder);
    const data = join(folder, "data");
    await mkdir(data);
    await using server = await startServer(programs, homes.server, data, []);
    const target = { homes, port: server.port };
    await run(target, { ...upload, count: warmUps, prefix: "warm-up" });
    const cpuBefore = treeCpuSeconds(server.program.pid);
    const start = systemClock.now();
    await run(target, { ...upload, count, prefix: "measured" });
    const seconds = (systemClock.now() - start) / 1000;
    const cpuSeconds = treeCpuSeconds(server.program.pid) - cpuBefore;
    return { perSecond: count / seconds, cpuMs: (cpuSeconds * 1000) / count };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(...[target, uploads]: Parameters<typeof startUploads>): Promise<void> {
  await using crowd = startUploads(target, uploads);
  const end = await crowd.ended(deadlineMs);
  if (end.code !== 0) throw new Error(`The uploads ended with ${end.code}:\n${end.stdout}\n${end.stderr}`);
}
