// How much longer an urgent upload takes beside large ones of other users than alone, on the compiled programs.
// `bun bench/bench.ts --urgent`.
//
// All clients run on this machine, where in a lab each has its own: what the others' clients compute is taken from the urgent
// one's. So there are two rows for each place: with clients that are alike, and with others that run only where nobody else wants
// the processor (`nice -n 19`), as if they ran elsewhere as far as one machine can tell.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../src/base/clock.ts";
import { executables, executablesMissing, makeKeys, startServer } from "../test/support/executables.ts";
import { treeCpuSeconds } from "../test/support/process-tree.ts";
import { type Program, startProgram } from "../test/support/programs.ts";
import { makeSparse, makeUsers, partialSizes } from "./lab-under-way.ts";
import { makeSource } from "./rounds.ts";
import { align, median, range } from "./table.ts";

const MB = 1_000_000;
const urgentBytes = 100 * MB;
const others = { count: 8, bytes: 10_000 * MB };
const settledBytes = 32 * MB;
const deadlineMs = 600_000;

/** One transfer of the urgent file. */
interface Run {
  readonly seconds: number;
  /** From when the server took the upload in to when all of it was stored. */
  readonly uploadSeconds: number;
  readonly serverCpuSeconds: number;
  /** What was stored of the others meanwhile. */
  readonly othersBytes: number;
}

type Way = "alone" | "beside" | "usual";

/** Measures by turns in each of `folders`; returns the lines of a table. */
export async function urgentLines(
  folders: readonly string[],
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  if (executablesMissing !== null) return [`an urgent upload: skipped: ${executablesMissing}`];
  const rows: (readonly string[])[] = [
    [
      ...["", "s alone", "× beside", "min..max", "× not urgent", "CPU s server", "beside", "MB of others"],
      "× from start to end on the server",
    ],
  ];
  for (const folder of folders)
    for (const isNice of [true, false]) rows.push(await row(folder, isNice, rounds, progress));
  return align(rows);
}

async function row(
  parent: string,
  isNice: boolean,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  const runs: { readonly [W in Way]: Run[] } = { alone: [], beside: [], usual: [] };
  const label = `${parent}, others ${isNice ? "nice" : "alike"}`;
  for (let round = 0; round <= rounds; round++) {
    progress(`an urgent upload in ${label}, round ${round} of ${rounds}`);
    const measured = await measureRound(parent, isNice);
    // The first one warms up what can be.
    if (round > 0) for (const way of ["alone", "beside", "usual"] as const) runs[way].push(measured[way]);
  }
  const ratios = (way: Way): readonly number[] =>
    runs[way].map(({ seconds }, at) => seconds / (runs.alone[at]?.seconds ?? Number.NaN));
  const of = (way: Way, what: keyof Run): number => median(runs[way].map((run) => run[what]));
  const upload = of("beside", "uploadSeconds") / of("alone", "uploadSeconds");
  return [
    label,
    of("alone", "seconds").toFixed(2),
    median(ratios("beside")).toFixed(2),
    range(ratios("beside"), 2),
    median(ratios("usual")).toFixed(2),
    of("alone", "serverCpuSeconds").toFixed(2),
    of("beside", "serverCpuSeconds").toFixed(2),
    (of("beside", "othersBytes") / MB).toFixed(0),
    upload.toFixed(2),
  ];
}

async function measureRound(parent: string, isNice: boolean): Promise<{ readonly [W in Way]: Run }> {
  const folder = await mkdtemp(join(parent, "dync-urgent-"));
  try {
    const programs = await executables();
    const homes = await makeKeys(programs, folder);
    const data = join(folder, "data");
    await mkdir(data);
    await Bun.write(
      join(homes.server, "server.toml"),
      '[[limits]]\nname = "all"\nusers = ["*"]\npriority = "high"\n',
    );
    await using server = await startServer(programs, homes.server, data, []);
    const users = await makeUsers(programs, folder, homes, server, others.count);
    const [small, large] = [join(folder, "urgent.raw"), join(folder, "large.raw")];
    await makeSource(small, urgentBytes);
    await makeSparse(large, others.bytes);
    const to = ["-q", "-k", "sample:benchmark", `127.0.0.1:${server.port}`];
    const send = async (name: string, more: readonly string[]): Promise<Run> => {
      const before = { cpu: treeCpuSeconds(server.program.pid), others: partialBytes(data) };
      const startedAt = systemClock.now();
      const command = [programs.dync, "-n", name, ...more, ...to, small];
      await using client = startProgram(command, { env: { DYNC_HOME: homes.client } });
      const end = await client.ended(deadlineMs);
      const seconds = (systemClock.now() - startedAt) / 1000;
      if (end.code !== 0) throw new Error(`dync ended with ${end.code}:\n${end.stderr}`);
      const [, said] = await server.program.line(
        new RegExp(`"Upload finished".*"${name}".*"seconds":([0-9.]+)`),
      );
      return {
        seconds,
        uploadSeconds: Number(said),
        serverCpuSeconds: treeCpuSeconds(server.program.pid) - before.cpu,
        othersBytes: partialBytes(data) - before.others,
      };
    };
    await send("first.raw", []);
    const alone = await send("alone.raw", ["--priority", "high"]);
    const nice = isNice ? ["nice", "-n", "19"] : [];
    await using stack = new AsyncDisposableStack();
    const running = users.map((home) =>
      startProgram([...nice, programs.dync, "-n", "large.raw", ...to, large], { env: { DYNC_HOME: home } }),
    );
    for (const program of running) stack.use(program);
    await untilSettled(data, running);
    const beside = await send("beside.raw", ["--priority", "high"]);
    await untilSettled(data, running);
    const usual = await send("usual.raw", []);
    return { alone, beside, usual };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** All of the others move with their whole windows. */
async function untilSettled(data: string, programs: readonly Program[]): Promise<void> {
  const before = partialSizes(data);
  for (;;) {
    await sleep(systemClock, 50);
    if (programs.some(({ running }) => !running))
      throw new Error(`One ended: ${programs.map(({ stderr }) => stderr).join("")}`);
    const moved = [...partialSizes(data)].filter(
      ([name, bytes]) => bytes - (before.get(name) ?? 0) > settledBytes,
    );
    if (moved.length >= others.count) return;
  }
}

function partialBytes(data: string): number {
  return [...partialSizes(data).values()].reduce((sum, bytes) => sum + bytes, 0);
}
