// Opens the catalogue in an SQLite file. What is no sound catalogue of ours, whatever it is, is noticed at the start,
// moved aside and made anew from what lies beside the published files.

import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import { migrate, versionNewest } from "./migrations.ts";
import { restorePublished } from "./rebuild.ts";
import { pragma, SqliteCatalogue } from "./sqlite-catalogue.ts";
import { catalogueError, isDamage } from "./sqlite-errors.ts";

export type { SqliteCatalogue } from "./sqlite-catalogue.ts";

// Marks the file as a complete catalogue: "dync" in ASCII.
const applicationId = 0x64796e63;
// Up to here the whole file is read through at a start, which takes some 50 ms; of a larger one all but the metadata.
const checkedBytesMax = 64 * 1024 * 1024;
// What the log of changes keeps of the disk after it was large once.
const logBytesMax = 16 * 1024 * 1024;

export interface SqliteCatalogueOptions {
  readonly file: string;
  readonly log: Logger;
  /** The system's unless given. */
  readonly clock?: Clock;
  /** What was published, for making a lost or damaged catalogue anew. */
  readonly published?: () => AsyncIterable<CompleteUpload>;
  /** The file turned out damaged while it was used: nothing but `close`, and opening it again, helps. */
  readonly onDamaged?: (error: DyncError) => void;
}

/**
 * Opens the catalogue for this process alone, and makes it where there is none.
 *
 * @throws DyncError "configuration" when a newer program made it or it may not be used, "not-ready" when another
 * program holds it or the disk fails, "internal" for anything else.
 */
export async function openSqliteCatalogue(options: SqliteCatalogueOptions): Promise<SqliteCatalogue> {
  const { file, log, published } = options;
  let database = openSound(file, log);
  if (database === null) {
    const aside = moveAside(file);
    log.log("warn", "The catalogue was damaged: it is made anew from the published files", { file, aside });
    database = openSound(file, log);
  }
  if (database === null) throw new DyncError("internal", `The catalogue ${file} cannot be opened`);
  const catalogue = new SqliteCatalogue(database, options.clock ?? systemClock, (cause) => {
    const text = `The catalogue ${file} is damaged: it is moved to ${moveAside(file)}, and the next start makes a new one`;
    const hint = "start dync-server again";
    options.onDamaged?.(new DyncError("failed", text, { cause, hint }));
  });
  // The mark comes last: a rebuild that was cut off is made again.
  if (pragma(database, "application_id") === applicationId) return catalogue;
  let count = 0;
  try {
    if (published !== undefined)
      count = await restorePublished(published(), (batch) => catalogue.restore(batch));
    markComplete(database);
  } catch (error) {
    catalogue.close();
    throw error;
  }
  if (count > 0) log.log("info", "The catalogue was made from the published files", { file, uploads: count });
  return catalogue;
}

/**
 * Opens the catalogue in `file`, made where there is none, for who copies it: as tables of this version, for this process alone.
 *
 * @throws DyncError as `openSqliteCatalogue`, and "configuration" when it is damaged: it stays as it is.
 */
export function openSqliteTables(file: string, log: Logger): DatabaseSync {
  const database = openSound(file, log);
  if (database !== null) return database;
  throw new DyncError("configuration", `${file} is damaged, or no catalogue`, {
    hint: "start dync-server once without the setting catalogue: it makes a new one from the published files",
  });
}

/** Says that all is there that belongs into it. */
export function markComplete(database: DatabaseSync): void {
  database.exec(`PRAGMA application_id = ${applicationId}`);
}

/** Gives an open catalogue whose file was removed a file again, where nothing took its place. */
export function rescueCatalogue(catalogue: SqliteCatalogue, file: string, log: Logger): void {
  if (existsSync(file) || catalogue.isDamaged) return;
  try {
    makeFile(file);
    catalogue.copyTo(file);
    log.log("info", "The catalogue that was removed was written again", { file });
  } catch (error) {
    // Without its folder: the published files say again what was confirmed.
    rmSync(file, { force: true });
    log.log("warn", "The catalogue that was removed could not be written again", {
      file,
      reason: messageOf(error),
    });
  }
}

// The open database with its tables, or `null` when the file is no catalogue of ours.
function openSound(file: string, log: Logger): DatabaseSync | null {
  if (!makeFile(file)) return null;
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file);
    // Ours alone, from the first look on: no other program can lock it and make us wait, and what WAL shares between
    // processes stays in our memory. WAL with FULL: a transaction costs one fsync. The last two make macOS flush the drive as well.
    database.exec(`PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${logBytesMax}; PRAGMA synchronous = FULL;
      PRAGMA trusted_schema = OFF; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;`);
    if (isOurs(database) && isSound(database)) {
      const version = pragma(database, "user_version");
      // A large one takes a minute, in which nothing else is said.
      if (version > 0 && version < versionNewest)
        log.log("info", "The catalogue of an earlier version is taken over", {
          file,
          bytes: statSync(file).size,
        });
      if (migrate(database)) reclaim(database);
      // What a statement may have to undo is copied first: from the first large transaction on into a temporary file, eleven pages
      // for each upload, or so into memory. Behind the migration, which may need more of that than there is memory.
      database.exec("PRAGMA temp_store = MEMORY");
      // Whatever else is wrong with its tables shows when statements are made for them.
      SqliteCatalogue.tryStatements(database);
      return database;
    }
  } catch (cause) {
    database?.close();
    if (isDamage(cause)) return null;
    throw openingError(file, cause);
  }
  database.close();
  return null;
}

// Owner only, whatever the umask: it holds everybody's metadata. Returns `false` when something else is in its place.
function makeFile(file: string): boolean {
  try {
    if ([file, `${file}-wal`, `${file}-shm`].some(isNoFile)) return false;
    closeSync(openSync(file, "a", 0o600));
    return true;
  } catch (cause) {
    throw openingError(file, cause);
  }
}

function isNoFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === false;
}

// A newer program's is ours as well: it is left alone.
function isOurs(database: DatabaseSync): boolean {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.some(({ name }) => name === "uploads")) return true;
  const version = pragma(database, "user_version");
  if (pragma(database, "application_id") === applicationId) return version > versionNewest;
  return tables.length === 0 && version === 0;
}

function isSound(database: DatabaseSync): boolean {
  const isSmall = pragma(database, "page_count") * pragma(database, "page_size") <= checkedBytesMax;
  const found = database.prepare(isSmall ? "PRAGMA quick_check(1)" : "PRAGMA quick_check('uploads')").get();
  return found?.quick_check === "ok";
}

// Space that a migration set free goes back, and from now on can go back in small pieces: a file that an earlier version
// made has to be written anew for that. Where there is no room for it, the file stays as it is.
function reclaim(database: DatabaseSync): void {
  if (pragma(database, "auto_vacuum") === 2) return;
  try {
    database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
  } catch (cause) {
    if (catalogueError("kept in", cause).code !== "not-ready") throw cause;
  }
}

/** Moves the file of a catalogue that nobody has open to a free name that says `why`; returns that. */
export function moveAside(file: string, why = "damaged"): string {
  let number = 1;
  while (existsSync(`${file}.${why}-${number}`)) number++;
  const aside = `${file}.${why}-${number}`;
  // The log goes along: with the damaged file it may still be of use, with the new one it would be fatal.
  for (const suffix of ["-wal", "-shm", "-journal", ""]) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  return aside;
}

function openingError(file: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  const code = systemCode(cause);
  if (code === "EACCES" || code === "EPERM") {
    return new DyncError("configuration", `The catalogue ${file} may not be used: ${messageOf(cause)}`, {
      cause,
      hint: "run dync-server as the user it was first started as",
    });
  }
  const error = catalogueError("opened from", cause);
  const isSystems = code !== null && /^E[A-Z]+$/.test(code);
  if (error.code !== "not-ready" && !isSystems) return error;
  const isLocked = /locked|busy/.test(messageOf(cause));
  return new DyncError("not-ready", `The catalogue ${file} cannot be opened just now: ${messageOf(cause)}`, {
    cause,
    hint: isLocked
      ? "another program uses it: end that, and start again"
      : "start again when that has passed",
  });
}
