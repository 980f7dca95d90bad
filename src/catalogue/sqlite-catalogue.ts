// The catalogue in an open SQLite database. Every call is one transaction that is on disk when it returns.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { DyncError } from "../base/error.ts";
import { foldName } from "../base/file-name.ts";
import { jsonDigest } from "../base/json-digest.ts";
import type {
  AddResult,
  Catalogue,
  NewUpload,
  UploadChange,
  UploadRecord,
  UploadState,
  UserBounds,
} from "./catalogue.ts";
import { newRecord } from "./new-record.ts";
import { catalogueError, damagedText, isDamage } from "./sqlite-errors.ts";

// Space is given back when so many pages are free (4 MiB) and more than a quarter of all: what is used again soon
// costs less where it is.
const freePagesMin = 1024;
const freeShareMin = 0.25;
// And so many pages at once (1 MiB), which takes some milliseconds.
const pagesPerStep = 256;

const columns = [
  "id",
  "identity",
  "user",
  "origin",
  "name",
  "metadata_digest",
  "size",
  "modified",
  "client",
  "state",
  "durable",
  "boot_id",
  "sha256",
  "received_at",
  "error_code",
  "reason",
  "created_at",
  "updated_at",
] as const;

const unfinished = "state IN ('open', 'publishing')";
const ended = "state IN ('finished', 'failed')";

function statementsOf(database: DatabaseSync) {
  const names = columns.join(", ");
  const select = `SELECT ${names} FROM uploads`;
  return {
    insert: database.prepare(
      `INSERT INTO uploads (${names}, folded_name, metadata_bytes)
       VALUES (${columns.map(() => "?").join(", ")}, ?, ?) ON CONFLICT (id) DO NOTHING`,
    ),
    insertMetadata: database.prepare("INSERT INTO metadata (sequence, text) VALUES (?, ?)"),
    usage: database.prepare(
      `SELECT count(*) AS uploads, ifnull(sum(metadata_bytes), 0) AS bytes FROM uploads
       WHERE user = ? AND ${unfinished}`,
    ),
    update: database.prepare(
      `UPDATE uploads SET state = ?, durable = ?, boot_id = ?, sha256 = ?, received_at = ?, error_code = ?, reason = ?,
         updated_at = ?, metadata_digest = ?
       WHERE id = ?`,
    ),
    get: database.prepare(`${select} WHERE id = ?`),
    find: database.prepare(
      `${select} WHERE identity = ? AND user = ? AND (origin IS NULL OR origin = ?)
       ORDER BY sequence DESC LIMIT 1`,
    ),
    metadata: database.prepare(
      "SELECT text FROM metadata WHERE sequence = (SELECT sequence FROM uploads WHERE id = ?)",
    ),
    holders: database.prepare(
      `SELECT id FROM uploads
       WHERE user = ? AND folded_name IN (SELECT value FROM json_each(?)) AND ${unfinished}`,
    ),
    unchanged: database.prepare(
      `${select} WHERE state = ? AND updated_at < ? AND (updated_at, id) > (?, ?)
       ORDER BY updated_at, id LIMIT ?`,
    ),
    empty: database.prepare(
      `${select} WHERE user = ? AND ${unfinished} AND state = 'open' AND durable = 0
         AND sequence > ifnull((SELECT sequence FROM uploads WHERE id = ?), 0)
       ORDER BY sequence LIMIT ?`,
    ),
    nextUser: database.prepare(`SELECT user FROM uploads WHERE user > ? AND ${ended} ORDER BY user LIMIT 1`),
    forget: database.prepare(
      `DELETE FROM uploads WHERE sequence IN
         (SELECT sequence FROM uploads WHERE ${ended} AND updated_at < ? LIMIT ?)`,
    ),
    trim: database.prepare(
      `DELETE FROM uploads WHERE sequence IN
         (SELECT sequence FROM uploads WHERE user = ? AND state = ? AND ${ended}
          ORDER BY updated_at DESC LIMIT ? OFFSET ?)`,
    ),
  } satisfies Record<string, StatementSync>;
}

/** Made by `openSqliteCatalogue`. */
export class SqliteCatalogue implements Catalogue {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof statementsOf>;
  readonly #canCompact: boolean;
  readonly #onDamaged: (error: DyncError) => void;
  #isDamaged = false;

  constructor(database: DatabaseSync, onDamaged: (error: DyncError) => void) {
    this.#database = database;
    this.#statements = statementsOf(database);
    this.#canCompact = this.#pragma("auto_vacuum") === 2;
    this.#onDamaged = onDamaged;
  }

  /** Throws SQLite's error when the tables of `database` are not those that the catalogue needs. */
  static tryStatements(database: DatabaseSync): void {
    statementsOf(database);
  }

  add(upload: NewUpload, bounds: UserBounds): AddResult {
    const { metadataText } = upload;
    const metadataBytes = Buffer.byteLength(metadataText);
    const record = newRecord(upload);
    let isNew = true;
    const result = this.#transaction("added to", (): AddResult => {
      const usage = this.#statements.usage.get(upload.user);
      if (Number(usage?.uploads) >= bounds.uploads) return "too-many-uploads";
      if (Number(usage?.bytes) + metadataBytes > bounds.metadataBytes) return "too-much-metadata";
      const { changes, lastInsertRowid } = this.#insert(record, metadataBytes);
      isNew = Number(changes) === 1;
      if (isNew) this.#statements.insertMetadata.run(lastInsertRowid, metadataText);
      return "added";
    });
    assert(isNew, "an upload is added once");
    return result;
  }

  #insert(record: UploadRecord, metadataBytes: number) {
    return this.#statements.insert.run(...rowOf(record), foldName(record.name), metadataBytes);
  }

  change(id: string, change: UploadChange): void {
    const before = this.get(id);
    assert(before !== null, "an upload that changes is in the catalogue");
    const { state, durable, bootId, sha256, receivedAt, errorCode, reason, updatedAt } = {
      ...before,
      ...change,
    };
    // From here on the metadata lies beside the file only.
    const text = change.state === "finished" ? this.metadataOf(id) : null;
    const digest = text === null ? before.metadataDigest : jsonDigest(text);
    const progress = [state, durable, bootId, sha256, receivedAt] as const;
    this.#guard("changed in", () =>
      this.#statements.update.run(...progress, errorCode, reason, updatedAt, digest, id),
    );
  }

  find(identity: string, user: string, origin: string): UploadRecord | null {
    return recordOf(this.#guard("looked up in", () => this.#statements.find.get(identity, user, origin)));
  }

  get(id: string): UploadRecord | null {
    return recordOf(this.#guard("looked up in", () => this.#statements.get.get(id)));
  }

  metadataOf(id: string): string | null {
    const row = this.#guard("looked up in", () => this.#statements.metadata.get(id));
    return row === undefined || row === null ? null : String(row.text);
  }

  holdersOf(user: string, names: readonly string[]): readonly string[] {
    const rows = this.#guard("looked up in", () => this.#statements.holders.all(user, JSON.stringify(names)));
    return rows.map(({ id }) => String(id));
  }

  unchanged(
    state: UploadState,
    before: string | null,
    after: UploadRecord | null,
    limit: number,
  ): readonly UploadRecord[] {
    // Texts of dates begin with a digit: "" comes before all of them, ":" behind.
    const from = [after?.updatedAt ?? "", after?.id ?? ""] as const;
    return this.#records(() => this.#statements.unchanged.all(state, before ?? ":", ...from, limit));
  }

  emptyOf(user: string, after: string | null, limit: number): readonly UploadRecord[] {
    return this.#records(() => this.#statements.empty.all(user, after, limit));
  }

  users(after: string | null, limit: number): readonly string[] {
    const users: string[] = [];
    for (let user = after ?? ""; users.length < limit; ) {
      const row = this.#guard("looked up in", () => this.#statements.nextUser.get(user));
      if (row === undefined || row === null) break;
      user = String(row.user);
      users.push(user);
    }
    return users;
  }

  forget(before: string, limit: number): number {
    return Number(this.#guard("removed from", () => this.#statements.forget.run(before, limit)).changes);
  }

  trim(user: string, state: "finished" | "failed", keep: number, limit: number): number {
    const { changes } = this.#guard("removed from", () =>
      this.#statements.trim.run(user, state, limit, keep),
    );
    return Number(changes);
  }

  compact(): boolean {
    if (!this.#canCompact) return false;
    return this.#guard("removed from", () => {
      const free = this.#pragma("freelist_count");
      if (free < freePagesMin || free < freeShareMin * this.#pragma("page_count")) return false;
      this.#database.exec(`PRAGMA incremental_vacuum(${pagesPerStep})`);
      return this.#pragma("freelist_count") < free;
    });
  }

  /** Takes records of uploads that ended as they are, all or none. Those whose id is there already are left out. */
  restore(records: readonly UploadRecord[]): void {
    this.#transaction("added to", () => {
      for (const record of records) this.#insert(record, 0);
    });
  }

  /** Whether its file turned out damaged, and was given up. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Writes all of it to `file`, which is not there or empty. For when the file that it is in lost its name. */
  copyTo(file: string): void {
    this.#guard("kept in", () => this.#database.prepare("VACUUM INTO ?").run(file));
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #records(read: () => readonly unknown[]): readonly UploadRecord[] {
    return this.#guard("looked up in", read).map((row) => recordOf(row) as UploadRecord);
  }

  #pragma(name: string): number {
    return Number(this.#database.prepare(`PRAGMA ${name}`).get()?.[name]);
  }

  #transaction<Result>(action: string, call: () => Result): Result {
    return this.#guard(action, () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = call();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // SQLite did it already, as after a full disk: the error before this one says why.
    }
  }

  #guard<Result>(action: string, call: () => Result): Result {
    if (this.#isDamaged) throw new DyncError("not-ready", damagedText);
    try {
      return call();
    } catch (cause) {
      const error = catalogueError(action, cause);
      if (isDamage(cause) && !this.#isDamaged) {
        this.#isDamaged = true;
        this.close();
        this.#onDamaged(error);
      }
      throw error;
    }
  }
}

type Row = Record<(typeof columns)[number], never>;

function rowOf(record: UploadRecord): readonly (string | number | null)[] {
  return [
    record.id,
    record.identity,
    record.user,
    record.origin,
    record.name,
    record.metadataDigest,
    record.size,
    record.modified,
    record.client,
    record.state,
    record.durable,
    record.bootId,
    record.sha256,
    record.receivedAt,
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
    metadataDigest: row.metadata_digest,
    size: row.size,
    modified: row.modified,
    client: row.client,
    state: row.state,
    durable: row.durable,
    bootId: row.boot_id,
    sha256: row.sha256,
    receivedAt: row.received_at,
    errorCode: row.error_code,
    reason: row.reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
