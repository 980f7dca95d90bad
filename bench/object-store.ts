// How fast uploads get into an object store, beside a plain client that sends the same parts; and what a second server brings.
// `bun bench/bench.ts --object-store`.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { PartPlan, partsUnderWayMax } from "../src/storage/s3/part-plan.ts";
import { treeCpuSeconds } from "../test/support/process-tree.ts";
import { startProgram } from "../test/support/programs.ts";
import { pairMissing, ServerPair, type StoreOptions } from "../test/support/server-pair.ts";
import { makeSource } from "./rounds.ts";
import { align, median } from "./table.ts";

const gib = 2 ** 30;
const deadlineMs = 600_000;
const s3MemoryBytes = 512 * 2 ** 20;
const severalAtOnce = 4;

const stores: Readonly<Record<string, readonly [head: string, store: StoreOptions]>> = {
  line: ["a store behind a line of 40 MB/s", { lineBytesPerSecond: 40e6 }],
  machines: [
    "12 MB/s from each server, a store of 20",
    { lineBytesPerSecond: 20e6, ownBytesPerSecond: 12e6 },
  ],
  disk: ["a store on a disk", { lasting: true }],
  memory: ["a store in memory", {}],
};

/** What one round of one contestant took; processor seconds of each part of it. */
interface Round {
  readonly seconds: number;
  readonly client: number;
  readonly server: number;
  readonly store: number;
}

interface Contestant {
  readonly name: string;
  /** Bytes of a round. */
  readonly bytes: number;
  /** Sends under these names, below the user's prefix; resolves with the client's processor seconds. */
  readonly send: (keys: readonly string[]) => Promise<number>;
  readonly rounds: Round[];
}

/**
 * Measures `sizeBytes` in all, so many times, by turns, with each of the stores that are named; returns the lines of tables. The first
 * round does not count.
 */
export async function objectStoreLines(
  only: readonly string[] | undefined,
  sizeBytes: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  if (pairMissing !== null) return [`an object store: skipped: ${pairMissing}`];
  const folder = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dync-bench-"));
  try {
    const sources = Array.from({ length: severalAtOnce }, (_, at) => join(folder, `part-${at}.bin`));
    const whole = join(folder, "whole.bin");
    await makeSource(whole, sizeBytes);
    for (const source of sources) await makeSource(source, sizeBytes / severalAtOnce);
    const lines: string[] = [];
    for (const [name, [head, store]] of Object.entries(stores)) {
      if (only?.includes(name) === false) continue;
      progress(`starting two servers, PostgreSQL and Ceph: ${head}`);
      await using pair = await ServerPair.start("", 2, store);
      const all = contestantsOf(pair, whole, sources, sizeBytes);
      for (let round = 0; round <= rounds; round++)
        for (const contestant of all) {
          progress(`round ${round} of ${rounds}: ${contestant.name}`);
          const measured = await measure(pair, contestant, round);
          if (round > 0) contestant.rounds.push(measured);
        }
      lines.push(
        ...align([
          [head, "MB/s", "(least, most)", "× plain", "CPU s/GiB: client", "dync-server", "store", "all"],
          ...all.map((it) => cellsOf(it, all[0] as Contestant)),
        ]),
        "",
      );
    }
    return lines;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function contestantsOf(
  pair: ServerPair,
  whole: string,
  sources: readonly string[],
  bytes: number,
): readonly Contestant[] {
  const { accessKeyId, secretAccessKey } = pair.ceph.user;
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const part = new PartPlan(s3MemoryBytes).partBytesOf(bytes, 0);
  const plain = (name: string, more: readonly string[]): Contestant => ({
    ...{ name, bytes, rounds: [] },
    send: ([key = ""]) => {
      const to = [pair.endpoint, pair.bucket.place.bucket, `lab/alice/${key}`, whole];
      const program = join(import.meta.dir, "put-parts.ts");
      const command = [process.execPath, program, ...to, String(part), String(partsUnderWayMax), ...more];
      return cpuOf(command, env);
    },
  });
  const dync = (to: string, source: string, key: string): Promise<number> =>
    cpuOf([pair.programs.dync, "-q", "-k", "sample:benchmark", "-n", key, to, source], {
      DYNC_HOME: pair.homes.client,
    });
  const several = (name: string, servers: number): Contestant => ({
    ...{ name, bytes, rounds: [] },
    send: async (keys) => {
      const sends = sources.map((source, at) => dync(pair.address(at % servers), source, keys[at] as string));
      return (await Promise.all(sends)).reduce((a, b) => a + b, 0);
    },
  });
  return [
    plain("the same parts by a plain client", []),
    plain("with the checksums that dync-server sends", ["--checked"]),
    {
      ...{ name: "dync", bytes, rounds: [] },
      send: ([key = ""]) => dync(pair.address(0), whole, key),
    },
    several(`${severalAtOnce} uploads, one server`, 1),
    several(`${severalAtOnce} uploads, two servers`, 2),
  ];
}

async function cpuOf(command: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  await using program = startProgram(command, { env });
  const end = await program.ended(deadlineMs);
  if (end.code !== 0)
    throw new Error(`${command.join(" ")} ended with ${end.code}:\n${end.stdout}\n${end.stderr}`);
  return end.cpuSeconds;
}

async function measure(pair: ServerPair, { send }: Contestant, round: number): Promise<Round> {
  const keys = Array.from({ length: severalAtOnce }, (_, at) => `round-${round}-${at}.raw`);
  const servers = () => treeCpuSeconds(pair.program(0).pid) + treeCpuSeconds(pair.program(1).pid);
  const stores = () => treeCpuSeconds(pair.ceph.gateway.pid) + treeCpuSeconds(pair.ceph.disk.pid);
  const [server, store, start] = [servers(), stores(), systemClock.now()];
  const client = await send(keys);
  const seconds = (systemClock.now() - start) / 1000;
  const took = { seconds, client, server: servers() - server, store: stores() - store };
  await emptied(pair);
  return took;
}

/** Has the store and the catalogue forget what was sent: it lies in memory, and its names are wanted again. */
async function emptied(pair: ServerPair): Promise<void> {
  for (const key of await pair.bucket.keys("lab/alice/"))
    await pair.bucket.client.remove(key, { forMs: 60_000 });
}

function cellsOf({ name, bytes, rounds }: Contestant, first: Contestant): readonly string[] {
  const speeds = rounds.map(({ seconds }) => bytes / seconds / 1e6);
  const ratios = rounds.map(({ seconds }, at) => (first.rounds[at]?.seconds ?? Number.NaN) / seconds);
  const perGib = (of: (round: Round) => number) => median(rounds.map((it) => (of(it) * gib) / bytes));
  return [
    name,
    median(speeds).toFixed(0),
    `(${Math.min(...speeds).toFixed(0)}, ${Math.max(...speeds).toFixed(0)})`,
    median(ratios).toFixed(2),
    perGib(({ client }) => client).toFixed(2),
    perGib(({ server }) => server).toFixed(2),
    perGib(({ store }) => store).toFixed(2),
    perGib((it) => it.client + it.server + it.store).toFixed(2),
  ];
}
