// Processor time and peak memory of a program with all its children, from /proc. Linux only; elsewhere all is 0.
// Not from wait4(): what that calls peak memory includes the parent's own, which the child had before exec().

import { readdirSync, readFileSync } from "node:fs";
import { sleep, systemClock } from "../../src/base/clock.ts";

const samplingMs = 50;
// Linux reports processor time to programs in ticks of 10 ms.
const ticksPerSecond = 100;

/** Processor seconds of a process, of its children that ended, and of those that still run. */
export function treeCpuSeconds(root: number): number {
  let ticks = 0;
  for (const pid of [root, ...descendants(root)]) {
    const stat = read(`/proc/${pid}/stat`);
    // The name, in parentheses, may contain anything: count from its end. Fields 14 to 17 are the times.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    for (const field of fields.slice(11, 15)) ticks += Number(field);
  }
  return ticks / ticksPerSecond;
}

/** Process ids of all children of `root`, of theirs, and so on. */
export function descendants(root: number): number[] {
  const found: number[] = [];
  for (const task of readFolder(`/proc/${root}/task`)) {
    for (const child of read(`/proc/${root}/task/${task}/children`).split(" ")) {
      if (child !== "") found.push(Number(child), ...descendants(Number(child)));
    }
  }
  return found;
}

/** Looks at programs again and again until it is stopped; the kernel keeps each one's peak meanwhile. */
export class PeakMemory {
  readonly #roots: readonly number[];
  readonly #peaks = new Map<number, Map<number, number>>();
  #running = true;

  constructor(...roots: number[]) {
    this.#roots = roots;
    void this.#run();
  }

  /** Ends the watch. Most bytes of each program, summed over its processes, in the order of the roots. */
  stop(): number[] {
    this.#running = false;
    this.#sample();
    return this.#roots.map((root) => [...(this.#peaks.get(root)?.values() ?? [])].reduce((a, b) => a + b, 0));
  }

  async #run(): Promise<void> {
    while (this.#running) {
      this.#sample();
      await sleep(systemClock, samplingMs);
    }
  }

  #sample(): void {
    for (const root of this.#roots) {
      const peaks = this.#peaks.get(root) ?? new Map<number, number>();
      this.#peaks.set(root, peaks);
      for (const pid of [root, ...descendants(root)]) {
        const match = read(`/proc/${pid}/status`).match(/^VmHWM:\s+(\d+) kB$/m);
        // The last value is the right one: until exec() a new process shows its parent's memory.
        if (match) peaks.set(pid, Number(match[1]) * 1024);
      }
    }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // The process is gone.
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
