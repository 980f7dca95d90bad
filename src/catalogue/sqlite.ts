// The catalogue in an SQLite file. Every call is one transaction that is on disk when it returns. A damaged
// file is noticed at the start, moved aside and made anew from what lies beside the published files.

import { closeSync, existsSync, openSync, renameSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { Catalogue, NewUpload, UploadChange, UploadRecord, UploadState } from "./catalogue.ts";
import { migrate } from "./migrations.ts";
import { type PublishedUpload, recordOfPublished } from "./rebuild.ts";

// Only another program that looks into the file can hold the lock: long enough for that, short enough to notice.
const busyTimeoutMs = 5000;
// Marks the file as a complete catalogue: "dync" in ASCII.
const applicationId = 0x64796e63;
// Records per transaction when the catalogue is made anew.
const rebuildBatch = 1000;

export interface SqliteCatalogueOptions {
  readonly file: string;
  readonly log: Logger;
  /** What was published, for making a lost or damaged catalogue anew. */
  readonly published?: () => AsyncIterable<PublishedUpload>;
}

/**
 * Opens the catalogue, and makes it where there is none.
 *
 * @throws DyncError "configuration" when a newer program made it, "internal" or "no-space" when it cannot be opened.
 */
export async function openSqliteCatalogue(options: SqliteCatalogueOptions): Promise<SqliteCatalogue> {
  const { file, log, published } = options;
  // Owner only, whatever the umask: it holds everybody's metadata.
  closeSync(openSync(file, "a", 0o600));
  let database = openSound(file);
  if (database === null) {
    const aside = moveAside(file);
    log.log("warn", "The catalogue was damaged: it is made anew from the published files", { file, aside });
    closeSync(openSync(file, "a", 0o600));
    database = openSound(file);
  }
  if (database === null) throw new DyncError("internal", `The catalogue ${file} cannot be opened`);
  const catalogue = new SqliteCatalogue(database);
  // The mark comes last: a rebuild that was cut off is made again.
  const mark = Number(database.prepare("PRAGMA application_id").get()?.application_id);
  if (mark === applicationId) return catalogue;
  let count = 0;
  try {
    if (published !== undefined) count = await rebuild(catalogue, published());
    database.exec(`PRAGMA application_id = ${applicationId}`);
  } catch (error) {
    catalogue.close();
    throw error;
  }
  if (count > 0) log.log("info", "The catalogue was made from the published files", { file, uploads: count });
  return catalogue;
}

async function rebuild(
  catalogue: SqliteCatalogue,
  published: AsyncIterable<PublishedUpload>,
): Promise<number> {
  let batch: UploadRecord[] = [];
  let count = 0;
  for await (const upload of published) {
    batch.push(recordOfPublished(upload));
    count++;
    if (batch.length < rebuildBatch) continue;
    catalogue.restore(batch);
    batch = [];
  }
  catalogue.restore(batch);
  return count;
}

/** Made by `openSqliteCatalogue`. */
export class SqliteCatalogue implements Catalogue {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #get: StatementSync;
  readonly #find: StatementSync;
  readonly #list: StatementSync;
  readonly #forget: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const names = columns.join(", ");
    this.#insert = database.prepare(
      `INSERT INTO uploads (${names}) VALUES (${columns.map(() => "?").join(", ")}) ON CONFLICT (id) DO NOTHING`,
    );
    this.#update = database.prepare(
      `UPDATE uploads SET state = ?, durable = ?, boot_id = ?, sha256 = ?, error_code = ?, reason = ?, updated_at = ?
       WHERE id = ?`,
    );
    this.#get = database.prepare(`SELECT ${names} FROM uploads WHERE id = ?`);
    this.#find = database.prepare(
      `SELECT ${names} FROM uploads WHERE identity = ? AND user = ? AND (origin IS NULL OR origin = ?)
       ORDER BY sequence DESC LIMIT 1`,
    );
    this.#list = database.prepare(
      `SELECT ${names} FROM uploads WHERE state IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
    );
    this.#forget = database.prepare(
      "DELETE FROM uploads WHERE state IN ('finished', 'failed') AND updated_at < ?",
    );
  }

  add(upload: NewUpload): void {
    const record: UploadRecord = {
      ...upload,
      state: "open",
      durable: 0,
      sha256: null,
      errorCode: null,
      reason: null,
      updatedAt: upload.createdAt,
    };
    const { changes } = guard("added to", () => this.#insert.run(...rowOf(record)));
    assert(Number(changes) === 1, "an upload is added once");
  }

  change(id: string, change: UploadChange): void {
    const before = this.get(id);
    assert(before !== null, "an upload that changes is in the catalogue");
    const { state, durable, bootId, sha256, errorCode, reason, updatedAt } = { ...before, ...change };
    guard("changed in", () =>
      this.#update.run(state, durable, bootId, sha256, errorCode, reason, updatedAt, id),
    );
  }

  find(identity: string, user: string, origin: string): UploadRecord | null {
    return recordOf(guard("looked up in", () => this.#find.get(identity, user, origin)));
  }

  get(id: string): UploadRecord | null {
    return recordOf(guard("looked up in", () => this.#get.get(id)));
  }

  list(states: readonly UploadState[]): readonly UploadRecord[] {
    const rows = guard("looked up in", () => this.#list.all(JSON.stringify(states)));
    return rows.map((row) => recordOf(row) as UploadRecord);
  }

  forget(before: string): number {
    return Number(guard("removed from", () => this.#forget.run(before)).changes);
  }

  /** Takes records as they are, all or none. Those whose id is there already are left out. */
  restore(records: readonly UploadRecord[]): void {
    guard("added to", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        for (const record of records) this.#insert.run(...rowOf(record));
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

const columns = [
  "id",
  "identity",
  "user",
  "origin",
  "name",
  "metadata_text",
  "size",
  "state",
  "durable",
  "boot_id",
  "sha256",
  "error_code",
  "reason",
  "created_at",
  "updated_at",
] as const;

type Row = Record<(typeof columns)[number], never>;

function rowOf(record: UploadRecord): readonly (string | number | null)[] {
  return [
    record.id,
    record.identity,
    record.user,
    record.origin,
    record.name,
    record.metadataText,
    record.size,
    record.state,
    record.durable,
    record.bootId,
    record.sha256,
    record.errorCode,
    record.reason,
    record.createdAt,
    record.updatedAt,
  ];
}

function recordOf(value: unknown): UploadRecord | null {
  if (value === undefined || value === null) return null;
  // STRICT tables hold what was put in: the types are those of `rowOf`.
  const row = value as Row;
  return {
    id: row.id,
    identity: row.identity,
    user: row.user,
    origin: row.origin,
    name: row.name,
    metadataText: row.metadata_text,
    size: row.size,
    state: row.state,
    durable: row.durable,
    bootId: row.boot_id,
    sha256: row.sha256,
    errorCode: row.error_code,
    reason: row.reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

// The open database with its tables, or `null` when the file is damaged.
function openSound(file: string): DatabaseSync | null {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file);
    // WAL with FULL: a transaction costs one fsync, and a reader of the file never stops us. The last two
    // make macOS flush the drive as well.
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA trusted_schema = OFF; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;`);
    if (database.prepare("PRAGMA quick_check(1)").get()?.quick_check !== "ok") {
      database.close();
      return null;
    }
    migrate(database);
    return database;
  } catch (cause) {
    database?.close();
    if (cause instanceof DyncError) throw cause;
    if (isDamage(cause)) return null;
    throw failure("opened from", cause);
  }
}

function moveAside(file: string): string {
  let number = 1;
  while (existsSync(`${file}.damaged-${number}`)) number++;
  const aside = `${file}.damaged-${number}`;
  // The log goes along: with the damaged file it may still be of use, with the new one it would be fatal.
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  renameSync(file, aside);
  return aside;
}

function guard<Result>(action: string, call: () => Result): Result {
  try {
    return call();
  } catch (cause) {
    throw failure(action, cause);
  }
}

function failure(action: string, cause: unknown): DyncError {
  if (isFull(cause))
    return new DyncError("no-space", "No space left on the server for its catalogue", { cause });
  return new DyncError("internal", `An upload could not be ${action} the catalogue: ${messageOf(cause)}`, {
    cause,
  });
}

// Deno tells no result code, only SQLite's text.
function isDamage(error: unknown): boolean {
  return (
    resultCode(error) === 11 || resultCode(error) === 26 || /malformed|not a database/.test(messageOf(error))
  );
}

function isFull(error: unknown): boolean {
  return resultCode(error) === 13 || /disk is full/.test(messageOf(error));
}

function resultCode(error: unknown): number | null {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return null;
  return typeof error.errcode === "number" ? error.errcode & 0xff : null;
}
