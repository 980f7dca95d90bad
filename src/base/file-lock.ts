// A lock between processes that the system takes back when its holder ends, however it ends: SQLite's lock on a
// file of its own. Node has no flock, and a file with a process id in it lies after a `kill -9`.

import { DatabaseSync } from "node:sqlite";
import { messageOf } from "./error.ts";

export class FileLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Takes the lock behind `file` (created where it is missing), or returns `null` when somebody holds it. */
  static tryAcquire(file: string): FileLock | null {
    return FileLock.#try(file, "BEGIN EXCLUSIVE");
  }

  /** The same for one of several that hold it together, and keep away who wants it alone. */
  static tryShare(file: string): FileLock | null {
    return FileLock.#try(file, "BEGIN; SELECT count(*) FROM sqlite_schema");
  }

  static #try(file: string, begin: string): FileLock | null {
    const database = new DatabaseSync(file);
    try {
      // No waiting: such a lock is held for long. No journal file beside it: nothing is ever written.
      database.exec(`PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; ${begin}`);
      return new FileLock(database);
    } catch (error) {
      database.close();
      if (/locked|busy/.test(messageOf(error))) return null;
      throw error;
    }
  }

  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
