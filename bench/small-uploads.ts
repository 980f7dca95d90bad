// Many small uploads at once by one pyzmq process, over the seed's protocol: what the server spends on each of them, on
// a disk and in memory, and what a ROUTER takes that keeps nothing. `bun bench/bench.ts --small`.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { type Crowded, startUploads } from "../test/support/crowd.ts";
import {
  executables,
  executablesMissing,
  type KeyFolders,
  makeKeys,
  startServer,
} from "../test/support/executables.ts";
import { treeCpuSeconds } from "../test/support/process-tree.ts";
import { type Program, startProgram } from "../test/support/programs.ts";
import { referenceMissing } from "../test/support/reference.ts";
import { align, median, range } from "./table.ts";

const upload = { bytes: 10 * 1024, atOnce: 64 };
// A server runs for months; the runtime's compilers are done with what this takes after some 15,000 uploads: from 3,000 to 6,000 each of them
// still costs a quarter more.
const warmUps = 15_000;
const count = 2000;
const deadlineMs = 600_000;
const command = ["/usr/bin/python3", "-B", join(import.meta.dir, "keep-nothing.py")];

/** One round: of each upload, and of the server alone. */
interface Round {
  readonly perSecond: number;
  readonly cpuMs: number;
}

/** A server that takes uploads, in all rounds: nothing is deleted between them. */
interface Contestant {
  readonly name: string;
  readonly target: Pick<Crowded, "homes" | "port">;
  readonly program: Program;
  readonly rounds: Round[];
}

/** Measures in each of `folders` that is there, by turns with what keeps nothing; returns the lines of a table. */
export async function smallUploadLines(
  folders: readonly string[],
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  const missing = executablesMissing ?? referenceMissing;
  if (missing !== null) return [`small uploads: skipped: ${missing}`];
  await using closing = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  for (const [index, parent] of folders.filter((it) => existsSync(it)).entries()) {
    const folder = await mkdtemp(join(parent, "dync-small-"));
    closing.defer(() => rm(folder, { recursive: true, force: true }));
    const homes = await makeKeys(await executables(), folder);
    if (index === 0) contestants.push(await keepsNothing(homes, closing));
    contestants.push(await ours(parent, folder, homes, closing));
  }
  for (const { name, target } of contestants) {
    progress(`small uploads, ${name}: ${warmUps} that do not count`);
    await run(target, { ...upload, count: warmUps, prefix: "warm-up" });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of contestants) {
      progress(`small uploads, ${contestant.name}, round ${round} of ${rounds}`);
      contestant.rounds.push(await measureRound(contestant, round));
    }
  }
  return lines(contestants);
}

async function ours(
  name: string,
  folder: string,
  homes: KeyFolders,
  closing: AsyncDisposableStack,
): Promise<Contestant> {
  const data = join(folder, "data");
  await mkdir(data);
  const { program, port } = closing.use(await startServer(await executables(), homes.server, data, []));
  return { name, target: { homes, port }, program, rounds: [] };
}

async function keepsNothing(homes: KeyFolders, closing: AsyncDisposableStack): Promise<Contestant> {
  const program = closing.use(startProgram([...command, "--home", homes.server]));
  const [, port] = await program.line(/^Listening (\d+)$/);
  return { name: "keeps nothing", target: { homes, port: Number(port) }, program, rounds: [] };
}

function lines(contestants: readonly Contestant[]): readonly string[] {
  const head = [`10 KB, ${upload.atOnce} at once`, "uploads/s", "min..max", "× what keeps nothing"];
  const rows = [[...head, "server CPU ms each", "min..max", ""]];
  const [bound] = contestants;
  for (const { name, rounds } of contestants) {
    const speeds = rounds.map(({ perSecond }) => perSecond);
    const costs = rounds.map(({ cpuMs }) => cpuMs);
    // In the same round: what disturbs the machine disturbs both.
    const shares = speeds.map((it, round) => it / (bound?.rounds[round]?.perSecond ?? Number.NaN));
    rows.push([
      name,
      median(speeds).toFixed(0),
      range(speeds, 0),
      median(shares).toFixed(2),
      median(costs).toFixed(2),
      range(costs, 2),
      "",
    ]);
  }
  return align(rows);
}

async function measureRound({ target, program }: Contestant, round: number): Promise<Round> {
  const cpuBefore = treeCpuSeconds(program.pid);
  const start = systemClock.now();
  await run(target, { ...upload, count, prefix: `measured-${round}` });
  const seconds = (systemClock.now() - start) / 1000;
  const cpuSeconds = treeCpuSeconds(program.pid) - cpuBefore;
  return { perSecond: count / seconds, cpuMs: (cpuSeconds * 1000) / count };
}

async function run(...[target, uploads]: Parameters<typeof startUploads>): Promise<void> {
  await using crowd = startUploads(target, uploads);
  const end = await crowd.ended(deadlineMs);
  if (end.code !== 0) throw new Error(`The uploads ended with ${end.code}:\n${end.stdout}\n${end.stderr}`);
}
