// A run of two days, followed in simulated time over a line that is busy with it: how much is sent in vain, and when the end comes.
// DYNC_LIVE_FILES=100000 has as many files as such a run has.

import { expect, test } from "bun:test";
import type { LiveEntry, LiveStep } from "../../../src/client/live/feed.ts";
import type { Completion } from "../../../src/watch/completion.ts";
import { Follower } from "../../../src/watch/live/follower.ts";
import { pauseAfter } from "../../../src/watch/pace.ts";
import { runMs, signName, twoDayRun } from "../../support/live/two-day-run.ts";
import { parentsOf } from "../../support/live/written-run.ts";

const files = Number(process.env.DYNC_LIVE_FILES ?? 2000);
const bytes = 3_000_000 * files;
const settleMs = 60_000;
const bytesPerMs = (60_000_000 / 1000) * (files / 100_000);
const secondMs = 1000;

type FileEntry = Extract<LiveEntry, { type: "file" }>;

class TwoDays {
  readonly disk = new Map<string, FileEntry>();
  /** When each folder was last changed. */
  readonly #folders = new Map<string, string>();
  readonly sent = new Map<string, FileEntry>();
  readonly #steps: LiveStep[] = [];
  bytesSent = 0;
  now = 0;
  endedAt: number | null = null;
  looks = 0;
  #follower = new Follower({ settleMs, runSettleMs: settleMs }, [], 0);
  #reading: { readonly path: string; readonly entry: FileEntry; readonly until: number } | null = null;
  #lookDueAt = 0;
  #ids = 0;
  #writes = 0;
  readonly #run = twoDayRun(files, bytes, 7);
  #done = 0;

  second(): void {
    this.now += secondMs;
    for (let step = this.#run[this.#done]; step !== undefined && step.at <= this.now; ) {
      if (step.type === "remove") this.#remove(step.path);
      else if (step.type === "write") this.#write(step.path, step.size);
      else {
        const entry = this.disk.get(step.path)!;
        this.#remove(step.path);
        this.#put(step.to, entry);
      }
      step = this.#run[++this.#done];
    }
    if (this.now >= this.#lookDueAt) this.#look();
    this.#send();
  }

  #put(path: string, entry: FileEntry): void {
    this.disk.set(path, entry);
    this.#touch(path);
  }

  #touch(path: string): void {
    const [folder, ...above] = parentsOf(path).toReversed();
    if (folder !== undefined) this.#folders.set(folder, `${this.now}`);
    for (const it of above) if (!this.#folders.has(it)) this.#folders.set(it, `${this.now}`);
  }

  #write(path: string, size: number): void {
    const fileId = this.disk.get(path)?.fileId ?? `${++this.#ids}`;
    // As finely as file systems stamp.
    const modified = `${this.now}${`${++this.#writes}`.slice(-6).padStart(6, "0")}`;
    this.#put(path, { type: "file", size, modified, executable: false, fileId });
  }

  #remove(path: string): void {
    this.disk.delete(path);
    this.#touch(path);
  }

  #look(): void {
    const isSigned = this.disk.has(signName);
    const completion: Completion = isSigned
      ? { type: "complete", outcome: "finished", sign: signName }
      : { type: "waits", reason: "no-sign", detail: "" };
    const follower = this.#follower;
    this.looks += 1;
    follower.begin();
    for (const [path, modified] of this.#folders) follower.saw(path, { type: "folder", modified }, this.now);
    for (const [path, entry] of this.disk) follower.saw(path, entry, this.now);
    follower.end(completion, () => new Set(), this.now);
    // As of 100,000 files on a drive that answers slowly.
    const cost = { wallMs: 5_000, cpuMs: 2_000 };
    const pauseMs = pauseAfter(isSigned ? { ...cost, cpuMs: 0 } : cost, settleMs, isSigned);
    this.#lookDueAt = this.now + cost.wallMs + (isSigned ? pauseMs : Math.min(pauseMs, this.#untilSign()));
  }

  /** The sign is asked for in between. */
  #untilSign(): number {
    const left = runMs - this.now;
    return left < 0 ? 0 : left + (10_000 - (left % 10_000));
  }

  #send(): void {
    for (;;) {
      const reading = this.#reading;
      if (reading !== null) {
        if (reading.until > this.now) return;
        this.bytesSent += reading.entry.size;
        this.sent.set(reading.path, reading.entry);
        this.#reading = null;
        this.#follower.stored(this.#steps.length);
        if (this.disk.get(reading.path) !== reading.entry) this.#follower.changed(reading.path, this.now);
      }
      const step = this.#follower.next();
      if (step === undefined) return;
      if (step.kind === "end") {
        this.endedAt ??= this.now;
        return;
      }
      this.#steps.push(step);
      if (step.kind === "removed") {
        for (const path of this.sent.keys())
          if (path === step.path || path.startsWith(`${step.path}/`)) this.sent.delete(path);
      } else if (step.kind === "member" && step.entry.type === "file") {
        const from = Math.max(this.now - secondMs, reading?.until ?? 0);
        const until = from + step.entry.size / bytesPerMs;
        this.#reading = { path: step.path, entry: step.entry, until };
      }
    }
  }

  /** The client is started anew, with what it wrote down of the steps. */
  restart(): void {
    this.#follower = new Follower({ settleMs, runSettleMs: settleMs }, this.#steps, this.now);
    // What was being read is sent by the next one.
  }
}

test(`a run of two days with ${files} files is whole two minutes after its sign at most, and each byte goes 1.02 times at most`, () => {
  const world = new TwoDays();
  while (world.endedAt === null && world.now < runMs + 600_000) {
    world.second();
    if (world.now % (11 * 3600 * secondMs) === 0) world.restart();
  }
  const total = [...world.disk.values()].reduce((sum, { size }) => sum + size, 0);
  const figures = {
    files: world.disk.size,
    gigabytes: total / 1e9,
    sentTimes: world.bytesSent / total,
    endAfterSeconds: ((world.endedAt ?? Number.NaN) - runMs) / 1000,
    looks: world.looks,
  };
  if (process.env.DYNC_LIVE_FILES !== undefined) process.stderr.write(`${JSON.stringify(figures)}\n`);
  expect(figures.files).toBe(files);
  expect(total / bytes).toBeCloseTo(1, 1);
  expect(new Map([...world.sent].sort())).toEqual(new Map([...world.disk].sort()));
  expect(figures.sentTimes).toBeLessThan(1.02);
  expect(figures.endAfterSeconds).toBeLessThan(120);
}, 600_000);
