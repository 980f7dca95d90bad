// Processor time of each thread of a program that ends while it is watched. Linux only; elsewhere there are none.

import { sleep, systemClock } from "../../src/base/clock.ts";
import { threadTimesOf } from "../../src/base/thread-times.ts";

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

/** As `threadTimesOf`, without the numbers that some threads have in their names. */
function timesOf(pid: number): ReadonlyMap<number, ThreadTime> {
  const times = [...threadTimesOf(pid)].map(([id, { name, cpuMs }]) => {
    return [id, { name: name.replace(/[ ]?\d+$/, ""), cpuSeconds: cpuMs / 1000 }] as const;
  });
  return new Map(times);
}
