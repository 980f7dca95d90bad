// Who runs a service holds a lock for as long as that lasts. Where the system tells what it does in the words of its language alone, the
// lock tells whether the service runs, and no two processes run one.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, sleep } from "../base/clock.ts";
import { FileLock } from "../base/file-lock.ts";
import type { ServiceFiles } from "./definition.ts";
import { type RunState, readRunState } from "./restart-pause.ts";

// Who asks whether it runs has the lock for a moment.
const tries = 50;
const pauseMs = 100;

/** Takes the lock of a service; `null`: another process runs it. Rejects when the signal aborts. */
export async function lockRun(
  { lock: file }: ServiceFiles,
  clock: Clock,
  signal: AbortSignal,
): Promise<FileLock | null> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  for (let left = tries; ; left--) {
    const lock = FileLock.tryAcquire(file);
    if (lock !== null || left === 0) return lock;
    await sleep(clock, pauseMs, signal);
  }
}

/** Whether a process runs the service now. */
export function isRun({ lock: file }: ServiceFiles): boolean {
  if (!existsSync(file)) return false;
  const lock = FileLock.tryAcquire(file);
  lock?.release();
  return lock === null;
}

/** Resolves to whether nobody runs the service any more, after 30 s at most. */
export async function isRunOver(files: ServiceFiles, clock: Clock): Promise<boolean> {
  for (let left = 300; left > 0 && isRun(files); left--) await sleep(clock, pauseMs);
  return !isRun(files);
}

/** What was written down of its last start; `null`: nothing that can be read. */
export function lastRunOf({ runState }: ServiceFiles): RunState | null {
  try {
    return readRunState(readFileSync(runState, "utf8"));
  } catch {
    return null;
  }
}

/** Throws what the system says. */
export function noteRun({ runState }: ServiceFiles, state: RunState): void {
  writeFileSync(runState, `${JSON.stringify(state)}\n`, { mode: 0o600 });
}
