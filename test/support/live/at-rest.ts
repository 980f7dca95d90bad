// When nothing of this process is under way any more that takes real time, so that simulated time may go on: files are read and written by
// threads of the runtime. Linux tells of each thread whether it sleeps.

import { openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";

const tasks = "/proc/self/task";
// Others compile, and collect garbage: nothing waits for them.
const workerName = "Bun Pool";

export const canTellRest = process.platform === "linux";

/** What the system tells of each thread that reads and writes files, to be read again and again. */
const workers = new Map<string, number>();
/** How many threads there were when these were found. */
let threads = 0;
const text = Buffer.alloc(200);

function areWorkersAsleep(): boolean {
  findWorkers();
  for (const descriptor of workers.values()) if (!isAsleep(descriptor)) return false;
  return true;
}

function findWorkers(): void {
  const { nlink } = statSync(tasks);
  if (nlink === threads) return;
  threads = nlink;
  for (const id of readdirSync(tasks)) {
    if (workers.has(id) || !nameOf(id).startsWith(workerName)) continue;
    workers.set(id, openSync(`${tasks}/${id}/stat`, "r"));
  }
}

/** Throws when no such thread was ever found, in a runtime that calls them otherwise: then nothing was waited for. */
export function expectWorkers(): void {
  if (workers.size === 0) throw new Error(`No thread is called "${workerName}"`);
}

function nameOf(id: string): string {
  try {
    return readFileSync(`${tasks}/${id}/comm`, "utf8");
  } catch {
    // It ended meanwhile.
    return "";
  }
}

function isAsleep(descriptor: number): boolean {
  try {
    const length = readSync(descriptor, text, 0, text.length, 0);
    return text.toString("latin1", 0, length).includes(") S ");
  } catch {
    // It ended.
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

/** Resolves when what goes on for some turns, and has no thread do anything, is done; to whether it was. */
export async function afterTurns(isBusy: () => boolean): Promise<boolean> {
  for (let turns = 0; turns < 10 * turnsAtOnce && isBusy(); turns++) await turn();
  return !isBusy();
}

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
    const isQuiet = (!isBusy() || Bun.nanoseconds() > busyUntil) && areWorkersAsleep();
    quiet = isQuiet ? quiet + 1 : 0;
  }
}
