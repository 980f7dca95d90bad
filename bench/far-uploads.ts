// How a short line fares beside many long ones: one upload straight to the server beside twenty of other users through a proxy
// that keeps bytes in flight. `bun bench/bench.ts --far`.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../src/base/clock.ts";
import { executables, executablesMissing, makeKeys, startServer } from "../test/support/executables.ts";
import { PeakMemory } from "../test/support/process-tree.ts";
import { startProgram } from "../test/support/programs.ts";
import { startLine } from "./distance.ts";
import { makeSparse, makeUsers, partialSizes } from "./lab-under-way.ts";
import { align, median, range } from "./table.ts";

const MB = 1_000_000;
const farCount = 20;
const roundTripMs = 200;
// More than any of them sends while it is looked at; all of them have to find room.
const bytesEach = 800 * MB;
const settledBytes = 8 * MB;
const settlingMs = 60_000;
const lookedAtMs = 10_000;

/** What came in `lookedAtMs`. */
interface Round {
  /** In all, MB a second. */
  readonly rate: number;
  /** What the short line and the slowest of the long ones had, in shares of all of them alike. */
  readonly near: number;
  readonly slowest: number;
  readonly serverBytesMax: number;
}

/** Measures in `parent`; returns the lines of a table. */
export async function farLines(
  parent: string,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  if (executablesMissing !== null) return [`far uploads: skipped: ${executablesMissing}`];
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    progress(`${farCount} far uploads and a near one, round ${round + 1} of ${rounds}`);
    results.push(await measureRound(parent));
  }
  const of = (what: keyof Round): readonly number[] => results.map((it) => it[what]);
  const shares = (what: "near" | "slowest") => [median(of(what)).toFixed(2), range(of(what), 2)];
  return align([
    [
      `${farCount} × ${roundTripMs} ms`,
      "MB/s",
      "near one's share",
      "min..max",
      "slowest far one's",
      "min..max",
      "server MB",
    ],
    [
      "and one near",
      median(of("rate")).toFixed(0),
      ...shares("near"),
      ...shares("slowest"),
      (median(of("serverBytesMax")) / MB).toFixed(0),
    ],
  ]);
}

async function measureRound(parent: string): Promise<Round> {
  const folder = await mkdtemp(join(parent, "dync-far-"));
  try {
    const programs = await executables();
    const homes = await makeKeys(programs, folder);
    const data = join(folder, "data");
    await mkdir(data);
    await using server = await startServer(programs, homes.server, data, []);
    await using line = await startLine(server.port, roundTripMs);
    await using stack = new AsyncDisposableStack();
    const large = join(folder, "large.raw");
    await makeSparse(large, bytesEach);
    const start = (home: string, port: number): void => {
      const command = [
        programs.dync,
        "-q",
        "-k",
        "sample:benchmark",
        "-n",
        "large.raw",
        `127.0.0.1:${port}`,
        large,
      ];
      stack.use(startProgram(command, { env: { DYNC_HOME: home } }));
    };
    const users = await makeUsers(programs, folder, homes, server, farCount);
    for (const home of users) start(home, line.port);
    await untilAllMove(data, farCount);
    const far = new Set(partialSizes(data).keys());
    start(homes.client, server.port);
    await untilAllMove(data, farCount + 1);
    const memory = new PeakMemory(server.program.pid);
    const [before, startedAt] = [partialSizes(data), systemClock.now()];
    await sleep(systemClock, lookedAtMs);
    const [after, endedAt] = [partialSizes(data), systemClock.now()];
    if (after.size !== farCount + 1) throw new Error("An upload ended while it was looked at");
    const [serverBytesMax = 0] = memory.stop();
    const gained = new Map([...after].map(([name, bytes]) => [name, bytes - (before.get(name) ?? 0)]));
    const sum = [...gained.values()].reduce((a, b) => a + b, 0);
    const share = sum / gained.size;
    const near = [...gained].find(([name]) => !far.has(name))?.[1] ?? 0;
    const slowest = Math.min(...[...gained].flatMap(([name, bytes]) => (far.has(name) ? [bytes] : [])));
    return {
      rate: sum / MB / ((endedAt - startedAt) / 1000),
      near: near / share,
      slowest: slowest / share,
      serverBytesMax,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** So many uploads are there, and each has a part of its window and more. Throws where that takes long. */
async function untilAllMove(data: string, count: number): Promise<void> {
  const startedAt = systemClock.now();
  for (;;) {
    const sizes = [...partialSizes(data).values()];
    if (sizes.filter((bytes) => bytes > settledBytes).length >= count) return;
    if (systemClock.now() - startedAt > settlingMs)
      throw new Error(`Of ${count} uploads these get on, in bytes: ${sizes.join(", ")}`);
    await sleep(systemClock, 50);
  }
}
