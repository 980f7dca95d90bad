// Processor time of each thread of both sides, for each GiB, with 1, 8 and 64 uploads at once. `bun bench/bench.ts --threads`; with `--object-store`
// into one that keeps nothing, in this process, whose threads are not looked at.
// Linux only: /proc tells.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { executables, executablesMissing, makeKeys, startServer } from "../test/support/executables.ts";
import { ForgetfulStore } from "../test/support/forgetful-store.ts";
import { startProgram } from "../test/support/programs.ts";
import { ThreadTimes } from "../test/support/thread-times.ts";
import { ceilingOf, cellsOf, type ThreadKind, type ThreadRow } from "./reckoning.ts";
import { makeSource } from "./rounds.ts";
import { align, median } from "./table.ts";

const counts = [1, 8, 64];
const deadlineMs = 600_000;
const gib = 2 ** 30;
// What had less than this part of the busiest's work only looked on.
const busyShareMin = 0.2;

export interface ThreadBench {
  /** For each number of uploads. */
  readonly sizeBytes: number;
  readonly rounds: number;
  readonly isObjectStore: boolean;
}

/** Measures it; returns the lines of a table, each of the round with the median speed. */
export async function threadLines(
  bench: ThreadBench,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  if (executablesMissing !== null) return [`threads: skipped: ${executablesMissing}`];
  if (process.platform !== "linux") return ["threads: skipped: only Linux tells the time of each thread"];
  const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = await mkdtemp(join(parent, "dync-threads-"));
  try {
    const measured: ThreadRow[][] = [];
    for (const atOnce of counts) {
      progress(`threads: ${atOnce} at once`);
      measured.push(...(await measureCount(folder, atOnce, bench)));
    }
    const heads = [
      "CPU s/GiB of each thread",
      "MB/s",
      "all",
      "busiest",
      "by name: all of them × with work (busiest)",
    ];
    const serverRows = measured.flat().filter(({ side }) => side === "server");
    const ends = serverRows.map((row) => {
      const { gigabytesPerSecond, by } = ceilingOf(row);
      return `${row.atOnce} at once: with enough cores ${gigabytesPerSecond.toFixed(1)} GB/s, by ${by}`;
    });
    return [...align([heads, ...measured.flat().map(cellsOf)]), "", ...ends];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Both sides, in the round of median speed; the first round does not count. */
async function measureCount(
  parent: string,
  atOnce: number,
  { sizeBytes, rounds, isObjectStore }: ThreadBench,
): Promise<ThreadRow[][]> {
  const folder = join(parent, String(atOnce));
  const sources = Array.from({ length: atOnce }, (_, index) => join(folder, `source-${index}.bin`));
  await mkdir(join(folder, "data"), { recursive: true });
  for (const source of sources) await makeSource(source, Math.floor(sizeBytes / atOnce));
  const programs = await executables();
  const homes = await makeKeys(programs, folder);
  const results: ThreadRow[][] = [];
  {
    await using store = isObjectStore ? await ForgetfulStore.start() : null;
    const args = store === null ? [] : ["--storage", "s3://bucket/lab", "--s3-endpoint", store.endpoint];
    const env = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };
    await using server = await startServer(programs, homes.server, join(folder, "data"), args, { env });
    const flags = ["send", "-q", "-k", "sample:threads", "-p", String(server.port), "--jobs", String(atOnce)];
    for (let round = 0; round <= rounds; round++) {
      const template = ["--name-template", `{stem}-${round}{ext}`];
      const command = [programs.dync, ...flags, ...template, "127.0.0.1", ...sources];
      const rows = await measureOnce(command, homes.client, server.program.pid, atOnce, sizeBytes);
      if (round > 0) results.push(rows);
      await rm(join(folder, "data", "alice"), { recursive: true, force: true });
    }
  }
  await rm(folder, { recursive: true, force: true });
  const speeds = results.map(([row]) => row?.megabytesPerSecond ?? 0);
  const middle = median(speeds);
  const [nearest] = results.toSorted(
    ([a], [b]) =>
      Math.abs((a?.megabytesPerSecond ?? 0) - middle) - Math.abs((b?.megabytesPerSecond ?? 0) - middle),
  );
  return nearest === undefined ? [] : [nearest];
}

async function measureOnce(
  command: readonly string[],
  home: string,
  serverPid: number,
  atOnce: number,
  sizeBytes: number,
): Promise<ThreadRow[]> {
  const server = new ThreadTimes(serverPid);
  const startedAt = systemClock.now();
  await using client = startProgram(command, { env: { DYNC_HOME: home } });
  const times = new ThreadTimes(client.pid);
  const end = await client.ended(deadlineMs).finally(() => times.stop());
  const seconds = (systemClock.now() - startedAt) / 1000;
  if (end.code !== 0)
    throw new Error(`${command.join(" ")} ended with ${end.code}:\n${end.stdout}\n${end.stderr}`);
  const megabytesPerSecond = sizeBytes / seconds / 1e6;
  const rowOf = (side: ThreadRow["side"], it: ThreadTimes): ThreadRow => {
    return { side, atOnce, megabytesPerSecond, kinds: kindsOf(it.stop(), sizeBytes) };
  };
  return [rowOf("server", server), rowOf("client", times)];
}

/** The threads by their names, the busiest first. */
function kindsOf(threads: ReturnType<ThreadTimes["stop"]>, sizeBytes: number): readonly ThreadKind[] {
  const byName = Map.groupBy(threads, ({ name }) => name);
  const kinds = [...byName].map(([name, them]) => {
    const perGib = them.map(({ cpuSeconds }) => (cpuSeconds * gib) / sizeBytes);
    const busiestPerGib = Math.max(...perGib);
    const busy = perGib.filter((it) => it >= busyShareMin * busiestPerGib).length;
    return { name, busy, perGib: perGib.reduce((a, b) => a + b, 0), busiestPerGib };
  });
  return kinds.toSorted((a, b) => b.perGib - a.perGib);
}
