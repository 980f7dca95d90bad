// Processor time of each thread of a process, from /proc. Linux alone tells: elsewhere there are none.

import { readdirSync, readFileSync } from "node:fs";

export interface ThreadTime {
  /** "main" for the first one, "libzmq" for those that have the program's own name: the runtime names all of its own, libzmq does not everywhere. */
  readonly name: string;
  readonly cpuMs: number;
}

/** By thread id, what each thread of process `pid` had so far. */
export function threadTimesOf(pid: number): ReadonlyMap<number, ThreadTime> {
  const times = new Map<number, ThreadTime>();
  const own = textOf(`/proc/${pid}/comm`).trim();
  for (const id of threadsOf(pid)) {
    const comm = textOf(`/proc/${pid}/task/${id}/comm`).trim();
    // Nanoseconds on a processor; `stat` has hundredths of a second.
    const [ns = ""] = textOf(`/proc/${pid}/task/${id}/schedstat`).split(" ");
    // The thread ended just now.
    if (ns === "") continue;
    const name = id === pid ? "main" : comm === own ? "libzmq" : comm;
    times.set(id, { name, cpuMs: Number(ns) / 1e6 });
  }
  return times;
}

function threadsOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    // Another system than Linux, or the program is gone.
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
