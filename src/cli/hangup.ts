// Whether a program may take SIGHUP, the word of a terminal that closes: `nohup` sets it to be ignored, and a handler
// of ours would undo that. Used by `run.ts`.

import { readFileSync } from "node:fs";

const SIGHUP = 1;

/** Whether SIGHUP ends this process unless somebody handles it; `false` where the system does not tell. */
export function isHangupOurs(): boolean {
  if (process.platform === "win32") return true;
  try {
    return !ignoresHangup(readFileSync("/proc/self/status", "utf8"));
  } catch {
    return false;
  }
}

/** What `/proc/self/status` says: its mask of ignored signals has a bit for each, from the lowest on. */
export function ignoresHangup(status: string): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask === undefined || (BigInt(`0x${mask}`) & (1n << BigInt(SIGHUP - 1))) !== 0n;
}
