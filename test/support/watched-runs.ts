// Simulated instruments of one kind write runs into a folder that the compiled watcher watches, several at the same time, slowly. The
// watcher is killed at random and the line cut at random, until all is written; then everything has to be on the server that is complete,
// whole and once, and nothing else.

import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { isJunk } from "../../src/tar/member-path.ts";
import type { Profile } from "../../src/watch/profile.ts";
import { knownProfile } from "../../src/watch/profiles.ts";
import { type FaultyProxy, startFaultyProxy } from "./faulty-proxy.ts";
import { applyOnDisk } from "./instrument/operation.ts";
import { randomFrom } from "./instrument/random.ts";
import { type SimulatedRun, simulatedRun } from "./instrument/simulated-run.ts";
import { type Lab, openLab } from "./lab.ts";
import type { Program } from "./programs.ts";

export interface WatchedRuns {
  readonly profile: string;
  readonly runs: number;
  readonly seed: number;
  /** Whether runs are sent while they are written. */
  readonly live?: boolean;
}

export interface WatchedRunsResult {
  /** Entries that had to arrive, and did. */
  readonly stored: number;
  /** Entries that had to wait for a person, and do. */
  readonly held: number;
  /** Entries that were sent while they were written. */
  readonly live: number;
  readonly kills: number;
  readonly cuts: number;
}

// The longest pause of an instrument is far below.
const settleMs = 3000;
const stepMsMax = 250;
const runsAtOnce = 3;
const arriveMsMax = 90_000;

/** Has so many runs written and watched. Throws where anything is missing, too much, early or changed. */
export async function watchRuns({
  profile: name,
  runs: count,
  seed,
  live = false,
}: WatchedRuns): Promise<WatchedRunsResult> {
  await using lab = await openLab({ inMemory: true });
  await using line = await startFaultyProxy({ targetPort: lab.port });
  const profile = knownProfile(name) as Profile;
  const folder = lab.folder.file("files", "watched");
  await mkdir(folder);
  const random = randomFrom(seed);
  const runs = differentRuns(name, count, seed);
  const watch = new Watch(lab, line, [
    ...(live ? ["--live"] : []),
    "--profile",
    name,
    "--depth",
    "1",
    folder,
  ]);
  const chaos = new AbortController();
  const trouble = makeTrouble(watch, line, random, chaos.signal);
  await writeAll(folder, runs, random);
  const [complete, held] = [runs.filter(isComplete), runs.filter((run) => !isComplete(run))];
  for (const { entries } of complete) for (const entry of entries) await watch.sent(entry);
  chaos.abort();
  const { kills, cuts } = await trouble;
  const names = complete.flatMap(({ entries }) => entries);
  const lines = await watch.end();
  for (const entry of names) await expectSame(join(folder, entry), lab.stored(entry), profile);
  const stored = [...new Set(lab.published().map((path) => path.split("/")[1] as string))];
  expect(stored.filter((it) => !/\.(sha256|meta\.json)$/.test(it)).toSorted()).toEqual(names.toSorted());
  // What was confirmed in the moment of a kill is asked about once more, and found there: it is not sent twice.
  const newly = lines.filter(({ state, already }) => state === "sent" && already === false);
  expect(newly.length).toBeLessThanOrEqual(names.length);
  expect(new Set(newly.map(({ path }) => path)).size).toBe(newly.length);
  const begun = new Set(lines.filter(({ reason }) => reason === "live").map(({ path }) => path));
  return { stored: names.length, held: held.length, live: begun.size, kills, cuts };
}

function isComplete({ end }: SimulatedRun): boolean {
  return end === "finished" || end === "quiet";
}

// Some instruments have few names: of them there are fewer runs.
const seedsMax = 2000;

/** Runs of which no two have an entry in common; so many, or as many as there are. */
function differentRuns(profile: string, count: number, seed: number): readonly SimulatedRun[] {
  const runs: SimulatedRun[] = [];
  const taken = new Set<string>();
  for (let next = seed; runs.length < count && next < seed + seedsMax; next++) {
    const run = simulatedRun(profile, next);
    const paths = new Set(run.operations.map(({ path }) => path.split("/")[0] as string));
    if ([...paths].some((path) => taken.has(path))) continue;
    for (const path of paths) taken.add(path);
    runs.push(run);
  }
  return runs;
}

/** Some at the same time, each step after a pause. */
async function writeAll(folder: string, runs: readonly SimulatedRun[], random: () => number): Promise<void> {
  const left = [...runs];
  const instrument = async (): Promise<void> => {
    for (let run = left.shift(); run !== undefined; run = left.shift())
      for (const operation of run.operations) {
        applyOnDisk(folder, operation);
        // An instrument takes its time: that is what it is.
        await sleep(systemClock, random() ** 3 * stepMsMax);
      }
  };
  await Promise.all(Array.from({ length: runsAtOnce }, instrument));
}

/** The watcher, whichever process it is just now. */
class Watch {
  readonly #lab: Lab;
  readonly #args: readonly string[];
  #program: Program;
  #restarted: Promise<void> = Promise.resolve();
  #wasKilled = false;
  readonly #lines: Readonly<Record<string, unknown>>[] = [];

  constructor(lab: Lab, { port }: FaultyProxy, [...options]: readonly string[]) {
    this.#lab = lab;
    const folder = options.pop() as string;
    const settle = ["--settle", `${settleMs}ms`];
    this.#args = ["watch", "--json", "-k", "a:b", ...settle, ...options, `127.0.0.1:${port}`, folder];
    this.#program = lab.startDync(this.#args);
  }

  async kill(): Promise<void> {
    this.#wasKilled = true;
    this.#restarted = this.#program.kill().then(({ stdout }) => {
      this.#note(stdout);
      this.#program = this.#lab.startDync(this.#args);
    });
    await this.#restarted;
  }

  /** Resolves when something is to be sent, or will never be by this process. */
  async busy(signal: AbortSignal): Promise<void> {
    const gone = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    await Promise.race([this.#program.line(/"reason":"(queued|live)"/, arriveMsMax).catch(() => {}), gone]);
  }

  /** Resolves when the entry was confirmed, to this process or an earlier one. */
  async sent(path: string): Promise<void> {
    const shown = JSON.stringify(path).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const pattern = new RegExp(`"path":${shown},"kind":"[a-z]+","state":"sent"`);
    const until = systemClock.now() + 2 * arriveMsMax;
    while (!this.#lines.some((line) => line.path === path && line.state === "sent")) {
      if (systemClock.now() > until) throw new Error(`${path} did not arrive: ${this.#said(path)}`);
      await this.#restarted;
      const program = this.#program;
      try {
        return void (await program.line(pattern, arriveMsMax));
      } catch (error) {
        await this.#restarted;
        // One that was killed may have written down that it is stored, and said it to nobody, before anybody waited for it here.
        if (this.#wasKilled && existsSync(this.#lab.stored(path))) return;
        // Another process has it now.
        if (program === this.#program) throw error;
      }
    }
  }

  /** What earlier processes said of an entry last. */
  #said(path: string): string {
    return this.#lines
      .filter((line) => line.path === path || String(line.path).endsWith(`/${path}`))
      .slice(-20)
      .map((line) => JSON.stringify(line))
      .join("\n");
  }

  async end(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    this.#note((await this.#program.stop()).stdout);
    return this.#lines;
  }

  #note(stdout: string): void {
    // The last line of one that was killed may be torn.
    for (const line of stdout.split("\n").slice(0, -1)) this.#lines.push(JSON.parse(line));
  }
}

/** Kills the watcher when it has begun to send, and cuts the line, until the signal aborts. */
async function makeTrouble(
  watch: Watch,
  line: FaultyProxy,
  random: () => number,
  signal: AbortSignal,
): Promise<{ readonly kills: number; readonly cuts: number }> {
  const counts = { kills: 0, cuts: 0 };
  const pause = (ms: number): Promise<void> => sleep(systemClock, ms, signal).catch(() => {});
  while (!signal.aborted) {
    await pause(random() * settleMs * (counts.kills + counts.cuts < 2 ? 0.1 : 1));
    await watch.busy(signal);
    await pause(random() ** 2 * 500);
    if (signal.aborted) break;
    if (random() < 0.5) {
      await watch.kill();
      counts.kills += 1;
      continue;
    }
    line.faults = { refuse: true };
    line.cut();
    counts.cuts += 1;
    await pause(random() * 1000);
    line.faults = {};
  }
  return counts;
}

/** What is stored is what lies here, without what is never sent. */
async function expectSame(here: string, stored: string, profile: Profile): Promise<void> {
  if ((await stat(here)).isFile()) return expect(await readFile(stored)).toEqual(await readFile(here));
  const isLeftOut = (path: string): boolean => isJunk(path) || profile.isJunk(path);
  expect(await contents(stored, () => false)).toEqual(await contents(here, isLeftOut));
}

async function contents(
  folder: string,
  isLeftOut: (path: string) => boolean,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of (await readdir(folder, { recursive: true })).toSorted()) {
    if (isLeftOut(path) || !(await stat(join(folder, path))).isFile()) continue;
    found[path] = (await readFile(join(folder, path))).toString("base64");
  }
  return found;
}
