// What this machine can do at most: the work that no program with these promises can leave out, measured with
// nothing around it. README.md beside this file explains the formula.

import { copyFile, mkdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { runProgram, startProgram } from "../test/support/programs.ts";
import type { Bench } from "./peer.ts";

/** Processor seconds per GiB of each part, and what they add up to. */
export interface Bound {
  readonly cores: number;
  readonly sha256: number;
  readonly seal: number;
  readonly open: number;
  readonly copy: number;
  /** Megabytes (10^6) per second that all cores together can do. */
  readonly megabytesPerSecond: number;
}

interface Work {
  readonly sha256: number;
  readonly seal: number;
  readonly open: number;
}

const gib = 2 ** 30;
const addons = resolve(import.meta.dir, "../node_modules/zeromq/build");
const deadlineMs = 600_000;

/** Why it cannot be measured here, or `null`. */
export async function boundMissing(): Promise<string | null> {
  if (process.platform !== "linux") return "not Linux";
  if (Bun.which("python3") === null) return "python3 is not installed";
  return (await Bun.file(addonPath()).exists()) ? null : "no libzmq with libsodium for this machine";
}

export async function measureBound(bench: Bench): Promise<Bound> {
  const cores = availableParallelism();
  await mkdir(bench.folder, { recursive: true });
  // Under its own name Bun would take the addon for one of Node's.
  const library = join(bench.folder, "libzmq.so");
  await copyFile(addonPath(), library);
  const work = await measureWork(library, cores);
  const copy = await measureCopy(bench);
  const cpuPerGib = 2 * work.sha256 + work.seal + work.open + copy;
  return { cores, ...work, copy, megabytesPerSecond: (cores * gib) / cpuPerGib / 1e6 };
}

/** Hashing and encryption on every core at once, so that what cores share (cache, clock, units) is shared. */
async function measureWork(library: string, cores: number): Promise<Work> {
  const command = [process.execPath, join(import.meta.dir, "bound-work.ts"), library];
  const ends = await Promise.all(Array.from({ length: cores }, () => runProgram(command, {}, deadlineMs)));
  const works = ends.map((end) => {
    if (end.code !== 0) throw new Error(end.stderr);
    return JSON.parse(end.stdout) as Work;
  });
  const mean = (pick: (work: Work) => number) => works.reduce((sum, work) => sum + pick(work), 0) / cores;
  return {
    sha256: mean((work) => work.sha256),
    seal: mean((work) => work.seal),
    open: mean((work) => work.open),
  };
}

/** File → TCP over loopback → file, with system calls alone. */
async function measureCopy(bench: Bench): Promise<number> {
  const script = join(import.meta.dir, "loopback-copy.py");
  const target = join(bench.folder, "copy");
  await using receiver = startProgram(["python3", "-B", script, "receive", target]);
  const [, port] = await receiver.line(/^listening on (\d+)$/);
  const sender = await runProgram(
    ["python3", "-B", script, "send", bench.source, port ?? ""],
    {},
    deadlineMs,
  );
  const received = await receiver.ended();
  if (sender.code !== 0 || received.code !== 0) throw new Error(sender.stderr + received.stderr);
  await rm(target);
  return ((sender.cpuSeconds + received.cpuSeconds) * gib) / bench.sizeBytes;
}

function addonPath(): string {
  return join(addons, process.platform, process.arch, "node/glibc-127-Release/addon.node");
}
