// When nothing of this process is under way any more that takes real time, so that simulated time may go on: files are read and written by
// threads of the runtime. Linux tells of each thread whether it sleeps.

import { closeSync, openSync, readdirSync, readSync } from "node:fs";

const tasks = "/proc/self/task";

export const canTellRest = process.platform === "linux";

/** What the system tells of each thread, which is read again and again. */
const threads = new Map<string, number>();
const text = Buffer.alloc(200);

function isEveryOtherThreadAsleep(): boolean {
  const own = String(process.pid);
  return readdirSync(tasks).every((id) => id === own || isAsleep(id));
}

function isAsleep(id: string): boolean {
  try {
    const descriptor = threads.get(id) ?? openSync(`${tasks}/${id}/stat`, "r");
    threads.set(id, descriptor);
    const length = readSync(descriptor, text, 0, text.length, 0);
    return text.toString("latin1", 0, length).includes(") S ");
  } catch {
    // It ended meanwhile.
    const descriptor = threads.get(id);
    if (descriptor !== undefined) closeSync(descriptor);
    threads.delete(id);
    return true;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

// What takes the next turn again and again, without a thread: calls of the catalogue behind each other.
const turnsAtOnce = 8;
// Who is asked and has not answered by then does not answer.
const busyMsMax = 200;

/**
 * Resolves when all that was begun is done, as far as it needs no more than the disk. What goes on for many turns by itself says so in
 * `isBusy`.
 */
export async function atRest(isBusy: () => boolean): Promise<void> {
  const busyUntil = Bun.nanoseconds() + busyMsMax * 1e6;
  for (let quiet = 0; quiet < 2; ) {
    for (let turns = 0; turns < turnsAtOnce; turns++) await turn();
    await Bun.sleep(0);
    // What such a thread did before this is told in the turns behind it, and begins what follows.
    const isQuiet = isEveryOtherThreadAsleep() && (!isBusy() || Bun.nanoseconds() > busyUntil);
    quiet = isQuiet ? quiet + 1 : 0;
  }
}
