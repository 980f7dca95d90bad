// Keeps a second server away from a data folder.

import { DyncError, messageOf } from "../base/error.ts";
import { FileLock } from "../base/file-lock.ts";

/**
 * Locks `file` until `release` or the end of the process. `folder` is what the error speaks of.
 *
 * @throws DyncError "unavailable" when another process (or another part of this one) holds it: it may be about to stop.
 */
export function lockFolder(file: string, folder: string): FileLock {
  let lock: FileLock | null;
  try {
    lock = FileLock.tryAcquire(file);
  } catch (cause) {
    const text = `The data folder ${folder} cannot be locked: ${messageOf(cause)}`;
    throw new DyncError("configuration", text, {
      cause,
      hint: `when no server runs, remove ${file} and start again`,
    });
  }
  if (lock !== null) return lock;
  throw new DyncError("unavailable", `Another dync-server uses the data folder ${folder}`, {
    hint: "stop that server first, or give this one a folder of its own with --data",
  });
}
