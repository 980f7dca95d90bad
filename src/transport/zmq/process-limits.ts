// What the runtime and libzmq need of the system, looked at before they are asked for it: neither can be told no. Where
// memory cannot be had they end the process in words of their own, with all its arguments. Linux only.

import { readFileSync } from "node:fs";
import { DyncError } from "../../base/error.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

interface Need {
  /** Name of the line in `/proc/PID/limits`. */
  readonly line: string;
  /** What people know it as. */
  readonly name: string;
  readonly min: number;
  /** How `min`, and what was found, is shown. */
  readonly show: (value: number) => string;
  readonly hint: string;
}

const inMiB = (value: number): string => `${Math.floor(value / MiB)} MiB`;

// Found by trying; addresses that are set aside count here, though most are never used.
const needs: readonly Need[] = [
  {
    line: "Max data size",
    name: "data (ulimit -d)",
    min: 2500 * MiB,
    show: inMiB,
    hint: "raise it, or limit real memory instead: with MemoryMax= or a control group",
  },
  {
    line: "Max address space",
    name: "addresses (ulimit -v)",
    min: 3000 * MiB,
    show: inMiB,
    hint: "raise it, or limit real memory instead: with MemoryMax= or a control group",
  },
  { line: "Max open files", name: "open files (ulimit -n)", min: 32, show: String, hint: "raise it" },
];

/** Throws `DyncError` ("configuration") when a limit of this process leaves too little to work with. */
export function checkProcessLimits(): void {
  if (process.platform !== "linux") return;
  let text: string;
  try {
    text = readFileSync("/proc/self/limits", "utf8");
  } catch {
    // Unknown, and mostly none.
    return;
  }
  const fault = limitFault(text);
  if (fault !== null) throw fault;
}

/** The first limit in the text of `/proc/PID/limits` that is too low, as an error, or `null`. */
export function limitFault(text: string): DyncError | null {
  for (const { line, name, min, show, hint } of needs) {
    const soft = new RegExp(`^${line} +(\\d+) `, "m").exec(text)?.[1];
    if (soft === undefined || Number(soft) >= min) continue;
    const message = `The limit of this process's ${name} is ${show(Number(soft))}, at least ${show(min)} are needed`;
    return new DyncError("configuration", message, { hint });
  }
  return null;
}
