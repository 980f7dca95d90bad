// What was sent of a watched folder, in `DYNC_HOME/watch/ID/sent.sqlite`: for each entry and server as which state it was sent, and what
// the server confirmed. It is on disk before anything else follows from it, so that nothing is sent twice, and is asked about one entry
// at a time, so that it takes no memory however long it grows.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { FileLock } from "../../base/file-lock.ts";
import { placeOf } from "../../base/path-place.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { openWatchDatabase } from "./watch-database.ts";

/** What is remembered of an entry that was sent. */
export interface SentEntry {
  /** From the watched folder on. */
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly fingerprint: Fingerprint;
  /** Lower-case hex; of a folder, of the tar as which it was sent. */
  readonly sha256: string;
  /** The server's id of the upload. */
  readonly upload: string;
  /** Name on the server. */
  readonly name: string;
  /** When it was confirmed: ISO 8601, UTC. */
  readonly at: string;
}

const schema = `
CREATE TABLE IF NOT EXISTS sent (
  server TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL,
  fingerprint TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL, upload TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (server, path)
) STRICT, WITHOUT ROWID`;

/** Where what is known of the watched folder `folder` (absolute) lies below `home`. */
export function watchFolderOf(home: string, folder: string): string {
  return join(home, "watch", sha256Hex(placeOf(folder)).slice(0, 16));
}

export class SentMemory implements Disposable {
  readonly #database: DatabaseSync;
  readonly #server: string;
  readonly #find: StatementSync;
  readonly #note: StatementSync;

  /** `server`: as which address it is sent to. */
  private constructor(database: DatabaseSync, server: string) {
    this.#database = database;
    this.#server = server;
    this.#find = database.prepare("SELECT fingerprint FROM sent WHERE server = ? AND path = ?");
    this.#note = database.prepare(
      "INSERT OR REPLACE INTO sent VALUES (:server, :path, :kind, :fingerprint, :files, :bytes, :sha256, :upload, :name, :at)",
    );
  }

  /** Opens what is in `folder` (as `watchFolderOf` says), which is made where it is missing. Throws `DyncError` ("configuration"). */
  static open(folder: string, server: string): SentMemory {
    return new SentMemory(openWatchDatabase(folder, schema), server);
  }

  /** The fingerprint with which the entry was sent, `null` where it was not. */
  sentAs(path: string): string | null {
    const row = this.#find.get(this.#server, path) as { readonly fingerprint: string } | undefined;
    return row?.fingerprint ?? null;
  }

  /** Notes it, durably. Throws what the database says. */
  note({ fingerprint, ...entry }: SentEntry): void {
    const { text, files, bytes } = fingerprint;
    this.#note.run({ ...entry, server: this.#server, fingerprint: text, files, bytes });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** Whether somebody watches, or watched, the folder of which what is known lies in `folder`. */
export function isWatched(folder: string): boolean {
  return existsSync(join(folder, "folder"));
}

/** Takes the watched folder for this process; `null`: another one watches it. `watched` is written down for people. */
export function lockWatch(folder: string, watched: string): FileLock | null {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = FileLock.tryAcquire(join(folder, "lock"));
  if (lock !== null) writeFileSync(join(folder, "folder"), `${watched}\n`, { mode: 0o600 });
  return lock;
}
