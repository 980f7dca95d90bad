// The database of what is known of a watched folder, `DYNC_HOME/watch/ID/sent.sqlite`.

import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DyncError, messageOf } from "../../base/error.ts";

/**
 * Opens the one in `folder` (as `watchFolderOf` says), which is made where it is missing, with the tables of `schema`. Throws
 * `DyncError` ("configuration").
 */
export function openWatchDatabase(folder: string, schema: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(join(folder, "sent.sqlite"));
    // A command that explains reads beside the watcher.
    database.exec(
      `PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`,
    );
    return database;
  } catch (cause) {
    const hint = "dync keeps there what it has sent of the folder";
    const why = isFull(folder) ? "no space is left on its disk" : messageOf(cause);
    throw new DyncError("configuration", `Cannot use ${folder}: ${why}`, { cause, hint });
  }
}

// A page of the database, and one of its index.
const bytesMin = 64 * 1024;

/** Whether that is it: the database calls it a fault of the disk. */
function isFull(folder: string): boolean {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    // A file system that does not know how much there is says 0 of all.
    return blocks > 0 && bavail * bsize < bytesMin;
  } catch {
    return false;
  }
}
