// `bun run bench`: our compiled pair against what a user would pick instead, and against the machine's bound.
//
//   bun bench/bench.ts [--size 2GiB] [--rounds 5] [--only a,b] [--folder DIR] [--json FILE] [--sweep]
//   bun bench/bench.ts --small [--rounds 5]
//   bun bench/bench.ts --threads [--object-store] [--size 2GiB] [--rounds 5]
//   bun bench/bench.ts --runs [--rounds 5] [--folder DIR]
//   bun bench/bench.ts --judgements [--rounds 5]
//   bun bench/bench.ts --lists [--rounds 5]
//   bun bench/bench.ts --page [--rounds 5]
//   bun bench/bench.ts --urgent [--rounds 5] [--folder DIR]
//   bun bench/bench.ts --delay [25,100,200] [--size 2GiB] [--rounds 5] [--server="--memory 64MiB"]
//   bun bench/bench.ts --far [--rounds 5] [--folder DIR]
//   bun bench/bench.ts --object-store [--size 2GiB] [--rounds 5] [--only line,machines,disk,memory]
//   bun bench/bench.ts --watched [--minutes 4] [--only "files, sent"]
//
// Prints a table; progress goes to standard error. README.md beside this file says how everything is measured.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Bound, boundMissing, measureBound } from "./bound.ts";
import { distancePeers, noDelay } from "./distance.ts";
import { farLines } from "./far-uploads.ts";
import { judgementLines } from "./judgements.ts";
import { listLines } from "./lists.ts";
import { objectStoreLines } from "./object-store.ts";
import { pageLines } from "./page.ts";
import type { Peer } from "./peer.ts";
import { dyncPeer } from "./peers/dync.ts";
import { pyzmqPeer } from "./peers/pyzmq.ts";
import { rclonePeer } from "./peers/rclone.ts";
import { rsyncPeer } from "./peers/rsync.ts";
import { scpPeer } from "./peers/scp.ts";
import { tusPeer } from "./peers/tus.ts";
import { makeSource, measurePeers } from "./rounds.ts";
import { runLines } from "./runs.ts";
import { smallUploadLines } from "./small-uploads.ts";
import { sweepLines, sweepPeers } from "./sweep.ts";
import { boundLines, tableLines } from "./table.ts";
import { threadLines } from "./threads.ts";
import { urgentLines } from "./urgent.ts";
import { watchedLines } from "./watched.ts";

const peers: readonly Peer[] = [
  dyncPeer,
  pyzmqPeer,
  scpPeer("scp", null),
  scpPeer("scp-aes128", "aes128-gcm@openssh.com"),
  rsyncPeer,
  rclonePeer,
  tusPeer,
];

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "2GiB" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    folder: { type: "string" },
    json: { type: "string" },
    sweep: { type: "boolean", default: false },
    small: { type: "boolean", default: false },
    threads: { type: "boolean", default: false },
    runs: { type: "boolean", default: false },
    judgements: { type: "boolean", default: false },
    lists: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    urgent: { type: "boolean", default: false },
    watched: { type: "boolean", default: false },
    delay: { type: "string" },
    far: { type: "boolean", default: false },
    "object-store": { type: "boolean", default: false },
    server: { type: "string", default: "" },
    minutes: { type: "string", default: "4" },
  },
});

const sizeBytes = bytes(values.size);
const rounds = Number(values.rounds);
const chosen = values.only?.split(",");
const others = [
  // A disk, and memory.
  { isMeant: values.small, lines: () => smallUploadLines([process.cwd(), "/dev/shm"], rounds, progress) },
  { isMeant: values.far, lines: () => farLines(values.folder ?? "/dev/shm", rounds, progress) },
  {
    isMeant: values.threads,
    lines: () => threadLines({ sizeBytes, rounds, isObjectStore: values["object-store"] }, progress),
  },
  { isMeant: values["object-store"], lines: () => objectStoreLines(chosen, sizeBytes, rounds, progress) },
  { isMeant: values.judgements, lines: () => judgementLines(rounds, progress) },
  { isMeant: values.lists, lines: () => listLines(rounds, progress) },
  { isMeant: values.page, lines: () => pageLines(rounds, progress) },
  {
    isMeant: values.urgent,
    lines: () =>
      urgentLines(
        values.folder === undefined ? ["/dev/shm", process.cwd()] : [values.folder],
        rounds,
        progress,
      ),
  },
  {
    isMeant: values.watched,
    lines: () => watchedLines({ minutes: Number(values.minutes), only: values.only?.split(";"), progress }),
  },
  // On a disk: durable is what they are compared in.
  {
    isMeant: values.runs,
    lines: () => runLines({ folder: values.folder ?? process.cwd(), rounds, progress }),
  },
];
const other = others.find(({ isMeant }) => isMeant);
if (other !== undefined) {
  for (const line of await other.lines()) print(line);
  process.exit();
}
const parent = values.folder ?? (existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
const folder = await mkdtemp(join(parent, "dync-bench-"));
try {
  const source = join(folder, "source.bin");
  progress(`writing ${values.size} of random bytes`);
  await makeSource(source, sizeBytes);
  const options = { source, sizeBytes, folder, rounds, progress };
  const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores`;
  const loadBefore = loadavg()[0] ?? 0;
  print(`${values.size} from ${parent} over loopback, median of ${rounds} rounds, ${machine},`);
  print(`load ${loadBefore.toFixed(1)} when it began (anything above 0.2 disturbs)`);
  print("");
  const results = await measurePeers(entered(), options);
  const ours = values.delay === undefined ? dyncPeer.name : noDelay;
  const lines = values.sweep ? sweepLines(results, sizeBytes) : tableLines(results, sizeBytes, ours);
  for (const line of lines) print(line);
  const bound = await boundUnlessLeftOut(source);
  if (values.json !== undefined) {
    const report = { sizeBytes, rounds, machine, loadBefore, bound, results };
    await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function entered(): readonly Peer[] {
  if (values.sweep) return sweepPeers();
  const words = values.server.split(" ").filter((word) => word !== "");
  if (values.delay !== undefined) return distancePeers(values.delay.split(",").map(Number), words);
  return peers.filter(({ name }) => chosen?.includes(name) ?? true);
}

async function boundUnlessLeftOut(source: string): Promise<Bound | null> {
  if (values.sweep || values.delay !== undefined || chosen?.includes("bound") === false) return null;
  print("");
  const missing = await boundMissing();
  if (missing !== null) {
    print(`The machine's bound: skipped: ${missing}`);
    return null;
  }
  progress("measuring the machine's bound");
  const bound = await measureBound({ source, sizeBytes, folder: join(folder, "bound") });
  for (const line of boundLines(bound)) print(line);
  return bound;
}

function bytes(text: string): number {
  const match = text.match(/^(\d+)(KiB|MiB|GiB|)$/);
  if (!match) throw new Error(`${text} is no size, want something like 2GiB`);
  return Number(match[1]) * 1024 ** ["", "KiB", "MiB", "GiB"].indexOf(match[2] ?? "");
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
