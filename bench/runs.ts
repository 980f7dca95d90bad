// Whole runs: a folder of many small files beside what a user would pick instead, large files as a dataset beside one large
// file, and many small files as uploads of their own. `bun bench/bench.ts --runs`.

import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { executables, executablesMissing, makeKeys, startServer } from "../test/support/executables.ts";
import { treeCpuSeconds } from "../test/support/process-tree.ts";
import { runProgram, startProgram } from "../test/support/programs.ts";
import type { Peer, StartedPeer, Transfer } from "./peer.ts";
import { makeSource } from "./rounds.ts";
import { dyncDatasetPeer, dyncFilePeer, folderPeers } from "./run-peers.ts";
import { align, median, range, speed } from "./table.ts";

export interface RunsOptions {
  /** Sources and targets are made in it: a folder on a disk. */
  readonly folder: string;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

const small = { files: 10_000, bytes: 10 * 1000 };
const large = { files: 100, bytes: 20 * 1000 * 1000 };
const separate = { files: 1000, bytes: 10 * 1000 };
const deadlineMs = 600_000;

/** Measures everything in alternating rounds; returns the lines of three tables. */
export async function runLines({
  folder: parent,
  rounds,
  progress,
}: RunsOptions): Promise<readonly string[]> {
  if (executablesMissing !== null) return [`runs: skipped: ${executablesMissing}`];
  const folder = await mkdtemp(join(parent, "dync-runs-"));
  const options = { folder, rounds, progress };
  try {
    return [
      ...(await smallFiles(options)),
      "",
      ...(await largeFiles(options)),
      "",
      ...(await separateUploads(options)),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A contestant with what it sends. */
interface Entry {
  readonly peer: Peer;
  readonly source: string;
}

interface Result {
  readonly peer: Peer;
  readonly skipped: string | null;
  readonly rounds: readonly Transfer[];
}

async function smallFiles(options: RunsOptions): Promise<readonly string[]> {
  const source = join(options.folder, "small");
  await makeFolder(source, small);
  const results = await inTurn(
    folderPeers.map((peer) => ({ peer, source })),
    options,
  );
  const filesPerSecond = ({ seconds }: Transfer): number => small.files / seconds;
  const ours = median(results[0]!.rounds.map(filesPerSecond));
  const head = [`${small.files} x ${small.bytes / 1000} KB`, "files/s", "min..max", "dync is ×", "CPU s", ""];
  const rows = results.map(({ peer, skipped, rounds }) => {
    if (skipped !== null) return [peer.name, "-", "", "", "", `skipped: ${skipped}`];
    const speeds = rounds.map(filesPerSecond);
    const cpu = median(rounds.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2);
    const ratio = (ours / median(speeds)).toFixed(2);
    return [peer.name, median(speeds).toFixed(0), range(speeds, 0), ratio, cpu, peer.note];
  });
  return align([head, ...rows]);
}

async function largeFiles(options: RunsOptions): Promise<readonly string[]> {
  const total = large.files * large.bytes;
  const [source, file] = [join(options.folder, "large"), join(options.folder, "large.bin")];
  await makeFolder(source, large);
  await makeSource(file, total);
  const entries = [
    { peer: dyncDatasetPeer, source },
    { peer: dyncFilePeer, source: file },
  ];
  const results = await inTurn(entries, options);
  const ofFile = median(results[1]!.rounds.map((round) => speed(round, total)));
  const rows = results.map(({ peer, skipped, rounds }) => {
    if (skipped !== null) return [peer.name, "-", "", "", "", `skipped: ${skipped}`];
    const speeds = rounds.map((round) => speed(round, total));
    const cpu = median(rounds.map(({ cpuSeconds }) => (cpuSeconds * 2 ** 30) / total)).toFixed(2);
    return [
      peer.name,
      median(speeds).toFixed(0),
      range(speeds, 0),
      (median(speeds) / ofFile).toFixed(2),
      cpu,
      "",
    ];
  });
  const head = [
    `${large.files} x ${large.bytes / 1e6} MB`,
    "MB/s",
    "min..max",
    "× one file",
    "CPU s/GiB",
    "",
  ];
  return align([head, ...rows]);
}

/** Sends with everybody in turn, so that what disturbs the machine disturbs all; the first round does not count. */
async function inTurn(entries: readonly Entry[], options: RunsOptions): Promise<readonly Result[]> {
  await using stack = new AsyncDisposableStack();
  const results: {
    peer: Peer;
    source: string;
    skipped: string | null;
    rounds: Transfer[];
    started: StartedPeer | null;
  }[] = [];
  for (const { peer, source } of entries) {
    const skipped = await peer.missing();
    const folder = await mkdtemp(join(options.folder, "peer-"));
    const started = skipped === null ? stack.use(await peer.start({ source, sizeBytes: 0, folder })) : null;
    results.push({ peer, source, skipped, rounds: [], started });
  }
  for (let round = 0; round <= options.rounds; round++) {
    for (const result of results) {
      if (result.started === null || result.skipped !== null) continue;
      options.progress(`round ${round} of ${options.rounds}: ${result.peer.name}`);
      // What the one before left to be written is not this one's burden.
      await runProgram(["sync"]);
      const { path, ...transfer } = await result.started.send(`round-${round}`);
      if (round > 0) result.rounds.push(transfer);
      else if (!(await isSame(result.source, path))) result.skipped = "what arrived is not what was sent";
      // Folders of many files stay until the end: ext4 passes over the inodes of what was just deleted, one by one, and whoever
      // makes files next would pay for that.
      if (!(await stat(path)).isDirectory()) await rm(path);
    }
  }
  return results;
}

async function isSame(source: string, path: string): Promise<boolean> {
  await using diff = startProgram(["diff", "-r", source, path]);
  return (await diff.ended(deadlineMs)).code === 0;
}

/** Files of random bytes in a few folders. */
async function makeFolder(folder: string, { files, bytes }: { files: number; bytes: number }): Promise<void> {
  const block = new Uint8Array(bytes);
  for (let index = 0; index < files; index++) {
    const within = join(folder, `part-${Math.floor(index / 500)}`);
    if (index % 500 === 0) await mkdir(within, { recursive: true });
    for (let start = 0; start < bytes; start += 65_536)
      crypto.getRandomValues(block.subarray(start, start + 65_536));
    await writeFile(join(within, `file-${index}.dat`), block);
  }
}

async function separateUploads({
  folder: parent,
  rounds,
  progress,
}: RunsOptions): Promise<readonly string[]> {
  const folder = await mkdtemp(join(parent, "separate-"));
  const source = join(folder, "source");
  await makeFolder(source, separate);
  const paths = (await readdir(source, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const programs = await executables();
  const homes = await makeKeys(programs, folder);
  const data = join(folder, "data");
  await mkdir(data);
  await using server = await startServer(programs, homes.server, data, []);
  const results: { perSecond: number; clientMs: number; serverMs: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: ${separate.files} uploads of one command`);
    const cpuBefore = treeCpuSeconds(server.program.pid);
    const start = systemClock.now();
    const name = ["--name-template", `round-${round}-{stem}{ext}`];
    const options = ["-q", "--jobs", "16", "-k", "sample:benchmark", "-p", String(server.port), ...name];
    await using client = startProgram([programs.dync, "send", ...options, "127.0.0.1", ...paths], {
      env: { DYNC_HOME: homes.client },
    });
    const end = await client.ended(deadlineMs);
    const seconds = (systemClock.now() - start) / 1000;
    if (end.code !== 0) throw new Error(`dync ended with ${end.code}:\n${end.stderr}`);
    const serverSeconds = treeCpuSeconds(server.program.pid) - cpuBefore;
    if (round === 0) continue;
    const each = (cpuSeconds: number): number => (cpuSeconds * 1000) / separate.files;
    results.push({
      perSecond: separate.files / seconds,
      clientMs: each(end.cpuSeconds),
      serverMs: each(serverSeconds),
    });
  }
  const column = (name: keyof (typeof results)[number], digits: number): string[] => {
    const values = results.map((it) => it[name]);
    return [median(values).toFixed(digits), range(values, digits)];
  };
  const head = [`${separate.files} x ${separate.bytes / 1000} KB`, "uploads/s", "min..max"];
  return align([
    [...head, "client CPU ms each", "min..max", "server CPU ms each", "min..max", ""],
    ["one command", ...column("perSecond", 0), ...column("clientMs", 2), ...column("serverMs", 2), ""],
  ]);
}
