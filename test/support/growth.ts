// What a program holds over time, and whether that grows.

import { readdirSync, readFileSync } from "node:fs";

/** What a process holds at one moment. */
export interface Held {
  /** Resident memory. */
  readonly bytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** Of process `pid`, from /proc: Linux only. Throws when it is gone. */
export function heldBy(pid: number): Held {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const fieldOf = (field: string): number =>
    Number(new RegExp(`^${field}:\\s*(\\d+)`, "m").exec(status)?.[1]);
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  return { bytes: fieldOf("VmRSS") * 1024, descriptors, threads: fieldOf("Threads") };
}

/** The least of each in a quarter of `samples`, counted from 0: garbage comes and goes, and what stays is seen when it has just been collected. */
function leastIn(samples: readonly Held[], quarter: number): Held {
  const part = samples.slice(
    Math.floor((quarter * samples.length) / 4),
    Math.floor(((quarter + 1) * samples.length) / 4),
  );
  return {
    bytes: Math.min(...part.map(({ bytes }) => bytes)),
    descriptors: Math.min(...part.map(({ descriptors }) => descriptors)),
    threads: Math.min(...part.map(({ threads }) => threads)),
  };
}

/** What is held in the second quarter and in the last, and how much more: in the first one caches fill, and the runtime compiles what runs often. */
export function growthOf(samples: readonly Held[]): {
  readonly early: Held;
  readonly late: Held;
  readonly more: Held;
} {
  const [early, late] = [leastIn(samples, 1), leastIn(samples, 3)];
  const more = {
    bytes: late.bytes - early.bytes,
    descriptors: late.descriptors - early.descriptors,
    threads: late.threads - early.threads,
  };
  return { early, late, more };
}
