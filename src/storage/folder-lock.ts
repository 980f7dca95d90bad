// Keeps a second server away from a data folder. The lock is one that the system takes back when a process
// ends, however it ends: SQLite's, on a file of its own.

import { DatabaseSync } from "node:sqlite";
import { DyncError, messageOf } from "../base/error.ts";

export interface FolderLock {
  release(): void;
}

/**
 * Locks `file` until `release` or the end of the process. `folder` is what the error speaks of.
 *
 * @throws DyncError "configuration" when another process (or another part of this one) holds it.
 */
export function lockFolder(file: string, folder: string): FolderLock {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file);
    // A second server should hear of it at once; the lock is never held for a moment only.
    database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (/locked|busy/.test(messageOf(cause))) {
      throw new DyncError("configuration", `Another dync-server uses the data folder ${folder}`, {
        cause,
        hint: "Stop that server first, or give this one a folder of its own with --data",
      });
    }
    const text = `The data folder ${folder} cannot be locked: ${messageOf(cause)}`;
    throw new DyncError("configuration", text, {
      cause,
      hint: `When no server runs, remove ${file} and start again`,
    });
  }
  const held = database;
  return {
    release() {
      if (held.isOpen) held.close();
    },
  };
}
