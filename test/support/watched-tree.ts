// What a watcher of 200,000 files takes, as a whole process: memory at its peak, the processor's time of one look at all of it, and of a
// second in which nothing happens. Once all of it was sent before, as one file an entry and as folders of a thousand; once nothing was:
// while entries become quiet, while they are sent, and while they wait for a server or for metadata. From /proc: Linux alone.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { Scanner, type Shape } from "../../src/watch/folder/scan.ts";
import { SentMemory, watchFolderOf } from "../../src/watch/folder/sent-memory.ts";
import { type Lab, openLab } from "./lab.ts";
import { treeCpuSeconds } from "./process-tree.ts";
import { startProgram } from "./programs.ts";

const files = 200_000;
const filesInRun = 1_000;
// Two looks follow each other by more than that, and one has no pause as long.
const pauseMs = 700;
const samplingMs = 50;
// Below that it is no look at all of them.
const lookSecondsMin = 0.05;

export interface WatchedCase {
  readonly name: string;
  readonly unit: "file" | "folder";
  readonly isSent: boolean;
  readonly options: readonly string[];
  /** Files that come while it is watched: so many at once, every ten seconds. */
  readonly coming: number;
  /** Whether there is a server. */
  readonly isServed: boolean;
}

const described = ["-k", "sample:S-17"];
export const watchedCases: readonly WatchedCase[] = [
  { name: "folders, sent", unit: "folder", isSent: true, options: described, coming: 0, isServed: true },
  { name: "files, sent", unit: "file", isSent: true, options: described, coming: 0, isServed: true },
  {
    name: "files, settling",
    unit: "file",
    isSent: false,
    options: [...described, "--settle", "1h"],
    coming: 20,
    isServed: true,
  },
  {
    name: "files, being sent",
    unit: "file",
    isSent: false,
    options: [...described, "--settle", "5s"],
    coming: 0,
    isServed: true,
  },
  {
    name: "files, no server",
    unit: "file",
    isSent: false,
    options: [...described, "--settle", "5s"],
    coming: 0,
    isServed: false,
  },
  {
    name: "files, no metadata",
    unit: "file",
    isSent: false,
    options: ["--settle", "5s"],
    coming: 0,
    isServed: true,
  },
];

export interface WatchFigures {
  /** Bytes that were resident at most, and at the end. */
  readonly bytesMax: number;
  readonly bytes: number;
  /** The start of the program with its first look. */
  readonly first: Look;
  /** The looks at everything that came then. */
  readonly looks: readonly Look[];
  /** Of one core, after the first look: 0.01 is one percent. */
  readonly share: number;
}

/** What the compiled program takes in a case, watching for `ms` after its first look. */
export async function watchFigures(it: WatchedCase, ms: number): Promise<WatchFigures> {
  // Making so many files is no matter of ours.
  await using lab = await openLab({ inMemory: true });
  const folder = lab.folder.file("files", "watched");
  makeFiles(folder, it.unit);
  if (it.isSent) await noteAllAsSent(lab, folder, it.unit);
  if (!it.isServed) await lab.server.kill();
  const words = ["watch", "--quiet", "--unit", it.unit, ...it.options, `127.0.0.1:${lab.port}`, folder];
  // What it warns of is not ours to keep.
  const command = ["sh", "-c", 'exec "$0" "$@" 2>/dev/null', lab.programs.dync, ...words];
  await using program = startProgram(command, { env: { DYNC_HOME: lab.homes.client } });
  const first = await lookOf(program.pid);
  const cpuBefore = treeCpuSeconds(program.pid);
  const startedAt = systemClock.now();
  const looks = await looksIn(program.pid, ms, (at) => {
    for (let one = 0; one < it.coming; one++) writeFileSync(join(folder, `more-${at}-${one}.raw`), "more");
  });
  const share = (treeCpuSeconds(program.pid) - cpuBefore) / ((systemClock.now() - startedAt) / 1000);
  return { ...memoryOf(program.pid), first, looks, share };
}

function makeFiles(folder: string, unit: WatchedCase["unit"]): void {
  mkdirSync(folder);
  for (let at = 0; at < files; at++) {
    const run = join(folder, `run-${Math.floor(at / filesInRun)}`);
    if (unit === "folder" && at % filesInRun === 0) mkdirSync(run);
    writeFileSync(join(unit === "file" ? folder : run, `20261127_sample_${at}.raw`), `${at}`);
  }
}

/** Has the client remember all entries as sent, in one transaction. */
async function noteAllAsSent(lab: Lab, folder: string, unit: WatchedCase["unit"]): Promise<void> {
  const state = watchFolderOf(lab.homes.client, folder);
  const server = `127.0.0.1:${lab.port}`;
  SentMemory.open(state, server)[Symbol.dispose]();
  const database = new DatabaseSync(join(state, "sent.sqlite"));
  const note = database.prepare("INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?, '', '', '', '')");
  const shape: Shape = {
    ...{ depth: 1, isLeftOut: () => false, isJunk: () => false },
    isEntry: ({ kind }) => kind === unit,
  };
  database.exec("BEGIN");
  for await (const { path, kind, fingerprint } of new Scanner(folder, shape).entries(
    new AbortController().signal,
  ))
    note.run(server, path, kind, fingerprint.text, fingerprint.files, fingerprint.bytes);
  database.exec("COMMIT");
  database.close();
}

export interface Look {
  readonly cpuSeconds: number;
  readonly seconds: number;
}

/** The first look of a program that has just been started, with its start. */
async function lookOf(pid: number): Promise<Look> {
  for (;;) {
    const [first] = await looksUntil(pid, Number.POSITIVE_INFINITY, () => {}, 1);
    if (first !== undefined) return first;
  }
}

async function looksIn(
  pid: number,
  ms: number,
  everyTenSeconds: (at: number) => void,
): Promise<readonly Look[]> {
  return await looksUntil(pid, ms, everyTenSeconds, Number.POSITIVE_INFINITY);
}

/** Times in which a program works without a pause. */
async function looksUntil(
  pid: number,
  ms: number,
  everyTenSeconds: (at: number) => void,
  count: number,
): Promise<readonly Look[]> {
  const looks: Look[] = [];
  const startedAt = systemClock.now();
  let tens = 0;
  let cpu = treeCpuSeconds(pid);
  let work = { from: startedAt, to: startedAt, cpu };
  while (systemClock.now() - startedAt < ms && looks.length < count) {
    await sleep(systemClock, samplingMs);
    const [now, cpuNow] = [systemClock.now(), treeCpuSeconds(pid)];
    if (now - startedAt > tens * 10_000) everyTenSeconds(tens++);
    const isAtWork = cpuNow > cpu || !isAsleep(pid);
    if (isAtWork && now - work.to > pauseMs) work = { from: now - samplingMs, to: now, cpu };
    if (isAtWork) work.to = now;
    else if (now - work.to > pauseMs && cpu - work.cpu >= lookSecondsMin) {
      looks.push({ cpuSeconds: cpu - work.cpu, seconds: (work.to - work.from) / 1000 });
      work = { from: now, to: work.to, cpu };
    }
    cpu = cpuNow;
  }
  return looks;
}

/** Who waits for the processor, or the disk, is not. */
function isAsleep(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("S");
}

function memoryOf(pid: number): Pick<WatchFigures, "bytesMax" | "bytes"> {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
  return { bytesMax: bytesOf("VmHWM"), bytes: bytesOf("VmRSS") };
}
