// The tables of the catalogue, as steps from one version to the next. A step that was released never changes:
// what is wanted in addition becomes a new one at the end.

import type { DatabaseSync } from "node:sqlite";
import { DyncError } from "../base/error.ts";
import { foldName } from "../base/file-name.ts";
import { jsonDigest } from "../base/json-digest.ts";
import { occupiedNames } from "../upload/names.ts";

/** SQL, or what it takes where SQL alone does not do. */
type Step = string | ((database: DatabaseSync) => void);

const steps: readonly Step[] = [
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
  moveMetadataOut,
  // When the client's file was last modified.
  "ALTER TABLE uploads ADD COLUMN modified TEXT;",
  // What a description needs that is finished by another process than the one that began it.
  `ALTER TABLE uploads ADD COLUMN client TEXT;
   ALTER TABLE uploads ADD COLUMN received_at TEXT;`,
  claimNames,
  // Which system was running is one thing that a storage may want to know again.
  "ALTER TABLE uploads RENAME COLUMN boot_id TO mark;",
  // Before there were datasets every upload was a file.
  `ALTER TABLE uploads ADD COLUMN form TEXT NOT NULL DEFAULT 'file'
     CHECK (form IN ('file', 'plain', 'bagit'));`,
  // What is stored already is found by what is in it, whatever it is called.
  `ALTER TABLE uploads ADD COLUMN content TEXT;
   UPDATE uploads SET content = sha256 WHERE form = 'file';
   CREATE INDEX uploads_by_content ON uploads (user, content) WHERE state = 'finished';`,
  // Before there were rules every upload went to the folder of its user.
  `ALTER TABLE uploads ADD COLUMN place TEXT;
   ALTER TABLE names RENAME COLUMN user TO folder;`,
  // Metadata stays for as long as the record does, up to 16 KiB (`metadataBytesKept`); lists go by when uploads began.
  `CREATE INDEX uploads_by_time ON uploads (created_at, user);
   DROP TRIGGER metadata_of_ended;
   CREATE TRIGGER metadata_of_ended AFTER UPDATE OF state ON uploads
     WHEN NEW.state IN ('finished', 'failed') AND OLD.state NOT IN ('finished', 'failed')
       AND NEW.metadata_bytes > 16384
     BEGIN DELETE FROM metadata WHERE sequence = NEW.sequence; END;
   CREATE TRIGGER metadata_of_forgotten AFTER DELETE ON uploads
     WHEN OLD.state IN ('finished', 'failed')
     BEGIN DELETE FROM metadata WHERE sequence = OLD.sequence; END;`,
  // What hooks are still to be told. Nothing but telling it reads how that is put, which is most of it.
  `CREATE TABLE outbox (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     upload TEXT NOT NULL,
     hook TEXT NOT NULL,
     user TEXT NOT NULL,
     name TEXT NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     next_at INTEGER NOT NULL,
     error TEXT,
     created_at TEXT NOT NULL,
     UNIQUE (upload, hook)
   ) STRICT;
   CREATE TABLE outbox_bodies (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
   CREATE TRIGGER bodies_of_delivered AFTER DELETE ON outbox
     BEGIN DELETE FROM outbox_bodies WHERE id = OLD.id; END;
   CREATE INDEX outbox_by_time ON outbox (hook, next_at);
   CREATE INDEX outbox_by_hook ON outbox (hook);
   CREATE INDEX outbox_failing ON outbox (hook) WHERE attempts > 0;`,
  // What hooks added to the metadata is no part of what was sent.
  "ALTER TABLE uploads ADD COLUMN added TEXT;",
  countBytes,
  // What waits for other metadata.
  "ALTER TABLE uploads ADD COLUMN held TEXT;",
  // A list goes along this index, in whose order it is, and looks at nothing else of those that it passes over for their user or name.
  `DROP INDEX uploads_by_time;
   CREATE INDEX uploads_by_time ON uploads (created_at, sequence, user, name);`,
  // Whether anything in the text is escaped, so that a value may stand there in other letters; NULL: nobody looked.
  "ALTER TABLE metadata ADD COLUMN escapes INTEGER;",
  // Whose client wants a receipt hears it also when it asks after a restart.
  "ALTER TABLE uploads ADD COLUMN wants_receipt INTEGER NOT NULL DEFAULT 0 CHECK (wants_receipt IN (0, 1));",
  // Alarms that were told and are not over, and what was stored and is not what it was.
  `CREATE TABLE alarms (
     alarm TEXT NOT NULL, subject TEXT NOT NULL, since TEXT NOT NULL, told_at INTEGER NOT NULL, times INTEGER NOT NULL,
     text TEXT NOT NULL, PRIMARY KEY (alarm, subject)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE damaged (id TEXT PRIMARY KEY, found_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TRIGGER damage_of_forgotten AFTER DELETE ON uploads BEGIN DELETE FROM damaged WHERE id = OLD.id; END;`,
  // What watched folders told of themselves last.
  `CREATE TABLE instruments (
     user TEXT NOT NULL, label TEXT NOT NULL, seen_at TEXT NOT NULL, report TEXT NOT NULL, PRIMARY KEY (user, label)
   ) STRICT, WITHOUT ROWID;`,
  // When what became of an upload, which the time of its last change does not tell. Of what was there before nobody knows, and
  // nobody counted.
  `ALTER TABLE uploads ADD COLUMN stored_at TEXT;
   ALTER TABLE uploads ADD COLUMN released_at TEXT;
   ALTER TABLE uploads ADD COLUMN amended_at TEXT;
   ALTER TABLE uploads ADD COLUMN resumes INTEGER;
   ALTER TABLE uploads ADD COLUMN resumed_at TEXT;
   CREATE TABLE told_hooks (
     upload TEXT NOT NULL, hook TEXT NOT NULL, told_at TEXT NOT NULL, attempts INTEGER NOT NULL, PRIMARY KEY (upload, hook)
   ) STRICT, WITHOUT ROWID;
   CREATE TRIGGER told_of_forgotten AFTER DELETE ON uploads BEGIN DELETE FROM told_hooks WHERE upload = OLD.id; END;`,
  // The list of a user who has few among very many.
  "CREATE INDEX uploads_by_user ON uploads (user, created_at);",
];

/** What `migrate` brings the tables to. */
export const versionNewest = steps.length;

// Metadata in a table of its own: no question about uploads reads it. Names and bytes by user become questions with an index.
function moveMetadataOut(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE metadata (sequence INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
    ALTER TABLE uploads ADD COLUMN folded_name TEXT NOT NULL DEFAULT '';
    ALTER TABLE uploads ADD COLUMN metadata_bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE uploads ADD COLUMN metadata_digest TEXT;
    INSERT INTO metadata
      SELECT sequence, metadata_text FROM uploads WHERE state IN ('open', 'publishing');`);
  const next = database.prepare(
    `SELECT sequence, name, state, metadata_text AS text FROM uploads
     WHERE sequence > ? ORDER BY sequence LIMIT 1`,
  );
  const fill = database.prepare(
    "UPDATE uploads SET folded_name = ?, metadata_bytes = ?, metadata_digest = ? WHERE sequence = ?",
  );
  for (let row = next.get(0); row !== undefined && row !== null; row = next.get(row.sequence as number)) {
    const text = String(row.text);
    const digest = row.state === "finished" ? jsonDigest(text) : null;
    fill.run(foldName(String(row.name)), Buffer.byteLength(text), digest, row.sequence as number);
  }
  database.exec(`
    ALTER TABLE uploads DROP COLUMN metadata_text;
    CREATE INDEX uploads_unfinished ON uploads (user, folded_name, metadata_bytes)
      WHERE state IN ('open', 'publishing');
    CREATE INDEX uploads_ended ON uploads (user, state, updated_at) WHERE state IN ('finished', 'failed');
    CREATE TRIGGER metadata_of_ended AFTER UPDATE OF state ON uploads
      WHEN NEW.state IN ('finished', 'failed') AND OLD.state NOT IN ('finished', 'failed')
      BEGIN DELETE FROM metadata WHERE sequence = NEW.sequence; END;`);
}

// Who works on an upload, and the names that it holds until it ends, each once for a user.
function claimNames(database: DatabaseSync): void {
  database.exec(`
    ALTER TABLE uploads ADD COLUMN owner TEXT;
    ALTER TABLE uploads ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE uploads ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE names (
      user TEXT NOT NULL, name TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (user, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX names_of_upload ON names (sequence);
    CREATE TRIGGER names_of_ended AFTER UPDATE OF state ON uploads
      WHEN NEW.state IN ('finished', 'failed') AND OLD.state NOT IN ('finished', 'failed')
      BEGIN DELETE FROM names WHERE sequence = NEW.sequence; END;
    CREATE TRIGGER remains_of_withdrawn AFTER DELETE ON uploads
      WHEN OLD.state NOT IN ('finished', 'failed')
      BEGIN
        DELETE FROM names WHERE sequence = OLD.sequence;
        DELETE FROM metadata WHERE sequence = OLD.sequence;
      END;
    DROP INDEX uploads_unfinished;
    ALTER TABLE uploads DROP COLUMN folded_name;
    CREATE INDEX uploads_unfinished ON uploads (user, metadata_bytes) WHERE state IN ('open', 'publishing');`);
  // The newest has a name that two left to each other, as it would have got it from the other.
  const claim = database.prepare("INSERT OR REPLACE INTO names (user, name, sequence) VALUES (?, ?, ?)");
  const rows = database
    .prepare(
      "SELECT sequence, user, name FROM uploads WHERE state IN ('open', 'publishing') ORDER BY sequence",
    )
    .all();
  for (const { sequence, user, name } of rows)
    for (const it of occupiedNames(String(name))) claim.run(user as string, it, sequence as number);
}

// What users have stored, as running totals: records of what was stored are forgotten one day. `bytes` is what an upload counts
// for while it is unfinished, and in the end what was stored of it.
function countBytes(database: DatabaseSync): void {
  database.exec(`
    ALTER TABLE uploads ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE uploads SET bytes = max(ifnull(size, 0), durable) WHERE state <> 'failed';
    CREATE TABLE usage (
      user TEXT PRIMARY KEY, stored INTEGER NOT NULL, files INTEGER NOT NULL, last_at TEXT, counted_at TEXT
    ) STRICT, WITHOUT ROWID;
    INSERT INTO usage (user, stored, files, last_at)
      SELECT user, sum(bytes), count(*), max(updated_at) FROM uploads WHERE state = 'finished' GROUP BY user;
    DROP INDEX uploads_unfinished;
    CREATE INDEX uploads_unfinished ON uploads (user, metadata_bytes, bytes) WHERE state IN ('open', 'publishing');`);
}

/**
 * Brings the tables to the newest version, each step whole or not at all. Returns whether there was anything to do.
 *
 * @throws DyncError "configuration" when a newer version of the program made them.
 */
export function migrate(database: DatabaseSync): boolean {
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
    database.exec("BEGIN IMMEDIATE");
    if (typeof step === "string") database.exec(step);
    else step(database);
    database.exec(`PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
  return version < steps.length;
}
