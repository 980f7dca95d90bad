// How much memory this process may use: what the machine has, or less where a control group (a container, a service with
// MemoryMax=) says so.

import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

/** Bytes. `root` is where the system's own files are. */
export function machineMemory(root = "/", machineBytes: number = totalmem()): number {
  return Math.min(machineBytes, ...limitFiles(root).map(limitIn));
}

/** Of the group of this process and of all above it. */
function limitFiles(root: string): readonly string[] {
  const groups = textOf(join(root, "proc/self/cgroup")) ?? "";
  return groups.split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    if (controllers === "")
      return above(path).flatMap((it) => unified.map((name) => join(root, tree, it, name)));
    const isMemory = controllers?.split(",").includes("memory");
    return isMemory ? above(path).map((it) => join(root, tree, "memory", it, "memory.limit_in_bytes")) : [];
  });
}

const tree = "sys/fs/cgroup";
const unified = ["memory.max", "memory.high"];

function above(path: string): readonly string[] {
  return path === "/" ? [path] : [path, ...above(dirname(path))];
}

/** Without a limit there is a word or a number that no machine has. */
function limitIn(path: string): number {
  const text = textOf(path)?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

/** `null`: this system has no such file, or does not show it. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
