// What uploads may have under way, all together and each.

import type { ProcessSettings } from "../config/server-settings.ts";
import { limits } from "../protocol/limits.ts";

const MiB = 1024 * 1024;
/** Four full windows, and a line of 100 ms at 5 Gbit/s. */
const leastBytes = 64 * MiB;
/** What arrives waits for the disk in memory: the system's own memory for files is worth more than a line that is always full. */
const share = 16;

export interface BudgetParts {
  readonly options: Pick<ProcessSettings, "chunkBytes" | "memoryBytes" | "windowBytesMax" | "windowChunks">;
  /** Memory that the process may use, in bytes; `undefined`: nobody knows. */
  readonly machineBytes?: number | undefined;
}

/** Bytes that all uploads together may have been granted and not stored: what the settings say, or else by the machine's memory. */
export function budgetOf({ options, machineBytes = 0 }: BudgetParts): number {
  return options.memoryBytes ?? Math.max(leastBytes, Math.floor(machineBytes / share));
}

/** Most chunks that one upload may have under way on a long line: no more than all together may. */
export function longQueueOf(parts: BudgetParts): number {
  const { chunkBytes, windowBytesMax, windowChunks } = parts.options;
  const chunks = Math.floor(Math.min(windowBytesMax, budgetOf(parts)) / chunkBytes);
  return Math.max(windowChunks, Math.min(chunks, limits.maxQueueMax));
}
