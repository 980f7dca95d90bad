// Processor time of each thread of a program, from /proc. Linux only; elsewhere there are none.

import { readdirSync, readFileSync } from "node:fs";
import { sleep, systemClock } from "../../src/base/clock.ts";

const samplingMs = 20;

export interface ThreadTime {
  /** "main" for the first one, "libzmq" for those that have the program's own name. */
  readonly name: string;
  readonly cpuSeconds: number;
}

/** Looks at a program again and again until it is stopped or gone: what its threads had since this was made. */
export class ThreadTimes {
  readonly #pid: number;
  readonly #before: ReadonlyMap<number, ThreadTime>;
  readonly #latest = new Map<number, ThreadTime>();
  #running = true;

  constructor(pid: number) {
    this.#pid = pid;
    this.#before = timesOf(pid);
    void this.#run();
  }

  /** Ends the watch. Each thread that there was. */
  stop(): readonly ThreadTime[] {
    if (this.#running) this.#sample();
    this.#running = false;
    return [...this.#latest].map(([id, { name, cpuSeconds }]) => {
      return { name, cpuSeconds: cpuSeconds - (this.#before.get(id)?.cpuSeconds ?? 0) };
    });
  }

  async #run(): Promise<void> {
    while (this.#running) {
      this.#sample();
      await sleep(systemClock, samplingMs);
    }
  }

  #sample(): void {
    for (const [id, time] of timesOf(this.#pid)) this.#latest.set(id, time);
  }
}

function timesOf(pid: number): ReadonlyMap<number, ThreadTime> {
  const times = new Map<number, ThreadTime>();
  const own = read(`/proc/${pid}/comm`).trim();
  for (const id of tasksOf(pid)) {
    const comm = read(`/proc/${pid}/task/${id}/comm`).trim();
    const [ns = ""] = read(`/proc/${pid}/task/${id}/schedstat`).split(" ");
    // The thread ended just now.
    if (ns === "") continue;
    const name = id === pid ? "main" : comm === own ? "libzmq" : comm.replace(/[ ]?\d+$/, "");
    times.set(id, { name, cpuSeconds: Number(ns) / 1e9 });
  }
  return times;
}

function tasksOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return []; // The program is gone.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
