// Folders that nobody needs any more. Deleting a million files takes minutes: who throws one away waits for a second at most,
// and the rest goes beside everything else. What a process does not get to, the next one does.

import { opendir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { Turns } from "../base/turns.ts";
import { lookAt, moveEntry, nullWhenMissing, unlinkFile } from "./file-calls.ts";

/** Ending of what is thrown away. */
export const trashSuffix = ".gone";

const waitMs = 1000;
// On a slow disk each takes a fraction of a millisecond.
const filesPerTurn = 8;

export class Trash {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #removing = new Set<Promise<void>>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Takes the folder `path` away at once, and deletes it; what comes behind that is `after`. Throws the system's error where it stays where
   * it is.
   */
  async throwAway(path: string, after: () => Promise<void> = async () => {}): Promise<void> {
    const gone = path + trashSuffix;
    // One of an earlier attempt may be on its way.
    if ((await lookAt(gone)) === null) await moveEntry(path, gone);
    else await removeFolder(path, this.#stop.signal);
    const waiting = new AbortController();
    await Promise.race([
      this.remove(gone, after),
      sleep(this.#clock, waitMs, waiting.signal).catch(() => {}),
    ]);
    waiting.abort();
  }

  /** Deletes `path`, which was thrown away, in the background. Resolves when it is gone, or will be some day; never rejects. */
  remove(path: string, after: () => Promise<void> = async () => {}): Promise<void> {
    const removing = removeFolder(path, this.#stop.signal)
      .then(after)
      .catch((error) => {
        if (this.#stop.signal.aborted) return;
        const message = "What was thrown away could not be deleted; the next start tries it again";
        this.#log.log("warn", message, { folder: path, reason: messageOf(error) });
      })
      .finally(() => this.#removing.delete(removing));
    this.#removing.add(removing);
    return removing;
  }

  /** Leaves the rest to the next process. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#removing);
  }
}

/** Deletes a folder of files and folders; one that is not there is fine. Rejects with the reason of `signal`, or the system's error. */
async function removeFolder(path: string, signal: AbortSignal): Promise<void> {
  await removeAll(path, new Turns(filesPerTurn, signal));
}

async function removeAll(path: string, turns: Turns): Promise<void> {
  // A listing may miss some while others go.
  for (let isEmpty = false; !isEmpty; ) {
    isEmpty = true;
    for await (const entry of await opendir(path).catch(() => [])) {
      isEmpty = false;
      const inside = join(path, entry.name);
      if (entry.isDirectory()) await removeAll(inside, turns);
      else await unlinkFile(inside);
      await turns.step();
    }
  }
  await rmdir(path).catch(nullWhenMissing);
}
