// The tables of the catalogue, as steps from one version to the next. A step that was released never changes:
// what is wanted in addition becomes a new one at the end.

import type { DatabaseSync } from "node:sqlite";
import { DyncError } from "../base/error.ts";

const steps: readonly string[] = [
  `CREATE TABLE uploads (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     identity TEXT NOT NULL,
     user TEXT NOT NULL,
     name TEXT NOT NULL,
     metadata_text TEXT NOT NULL,
     size INTEGER,
     state TEXT NOT NULL CHECK (state IN ('open', 'publishing', 'finished', 'failed')),
     durable INTEGER NOT NULL,
     boot_id TEXT,
     sha256 TEXT,
     error_code INTEGER,
     reason TEXT,
     created_at TEXT NOT NULL,
     updated_at TEXT NOT NULL
   ) STRICT;
   CREATE INDEX uploads_by_identity ON uploads (identity, user);
   CREATE INDEX uploads_by_state ON uploads (state, updated_at);`,
  // The key that began an upload.
  "ALTER TABLE uploads ADD COLUMN origin TEXT;",
];

/**
 * Brings the tables to the newest version, each step whole or not at all.
 *
 * @throws DyncError "configuration" when a newer version of the program made them.
 */
export function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version > steps.length) {
    throw new DyncError(
      "configuration",
      `The catalogue has version ${version}, expected at most ${steps.length}`,
      {
        hint: "run the newer dync-server that made it",
      },
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
