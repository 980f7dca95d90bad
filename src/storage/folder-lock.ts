// Keeps a second server away from a data folder.

import { type Clock, sleep } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import { FileLock } from "../base/file-lock.ts";

/**
 * Locks `file` until `release` or the end of the process. `folder` is what the error speaks of.
 *
 * @throws DyncError "unavailable" when another process (or another part of this one) holds it: it may be about to stop.
 */
export function lockFolder(file: string, folder: string): FileLock {
  const lock = lockOf(() => FileLock.tryAcquire(file), file, folder);
  if (lock !== null) return lock;
  throw new DyncError("unavailable", `Another dync-server uses the data folder ${folder}`, {
    hint: "stop that server first, or give this one a folder of its own with --data; several servers have one as their storage, beside a catalogue in PostgreSQL",
  });
}

// Somebody who has it alone may be about to share it.
const shareWaitMs = 1000;
const shareEveryMs = 50;

/**
 * The same for one of several servers that have the folder together, and let nobody have it alone. Who comes first does `first` before
 * anybody else has it.
 *
 * @throws DyncError "unavailable" when somebody has it alone; what `first` throws.
 */
export async function shareFolder(
  file: string,
  folder: string,
  clock: Clock,
  first: () => Promise<void>,
): Promise<FileLock> {
  const alone = lockOf(() => FileLock.tryAcquire(file), file, folder);
  if (alone !== null) await first().finally(() => alone.release());
  for (const since = clock.now(); clock.now() - since < shareWaitMs; await sleep(clock, shareEveryMs)) {
    const lock = lockOf(() => FileLock.tryShare(file), file, folder);
    if (lock !== null) return lock;
  }
  const text = `Another dync-server has ${folder} for itself alone, as its data folder`;
  throw new DyncError("unavailable", text, {
    hint: "stop that server first: servers that share a folder name it as their storage, and have a data folder each",
  });
}

function lockOf(take: () => FileLock | null, file: string, folder: string): FileLock | null {
  try {
    return take();
  } catch (cause) {
    const text = `The data folder ${folder} cannot be locked: ${messageOf(cause)}`;
    throw new DyncError("configuration", text, {
      cause,
      hint: `when no server runs, remove ${file} and start again`,
    });
  }
}
