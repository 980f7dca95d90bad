// Other metadata for an upload in SQLite: what becomes of its record, of its names, and of the text.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { jsonDigest } from "../base/json-digest.ts";
import { destinationOf } from "../upload/destination.ts";
import { occupiedNames } from "../upload/names.ts";
import { metadataBytesKept, type UploadRecord } from "./catalogue.ts";
import { placeText } from "./record-columns.ts";

function statementsOf(database: DatabaseSync) {
  return {
    update: database.prepare(
      `UPDATE uploads SET added = NULL, state = ?, held = ?, place = ?, released_at = ?, amended_at = ?, owner = ?, lease_until = ?, updated_at = ?, metadata_digest = ?, metadata_bytes = ?
       WHERE id = ?`,
    ),
    unclaim: database.prepare(
      "DELETE FROM names WHERE sequence = (SELECT sequence FROM uploads WHERE id = ?)",
    ),
    replaceMetadata: database.prepare(
      `INSERT OR REPLACE INTO metadata (sequence, text, escapes)
         SELECT sequence, ?1, instr(?1, '\\') > 0 FROM uploads WHERE id = ?2`,
    ),
    forgetMetadata: database.prepare(
      "DELETE FROM metadata WHERE sequence = (SELECT sequence FROM uploads WHERE id = ?)",
    ),
    reclaim: database.prepare(
      "INSERT INTO names (folder, name, sequence) SELECT ?, ?, sequence FROM uploads WHERE id = ?",
    ),
  } satisfies Record<string, StatementSync>;
}

export class SqliteAmend {
  readonly #statements: ReturnType<typeof statementsOf>;

  /** Throws SQLite's error when the tables of `database` are not those that it needs. */
  constructor(database: DatabaseSync) {
    this.#statements = statementsOf(database);
  }

  /** Writes `record` and its metadata; with `isReleased` it has its place from now on. Returns it as it is then. */
  write(record: UploadRecord, text: string, isReleased: boolean): UploadRecord {
    const { id, state, held, releasedAt, amendedAt, owner, leaseUntil, updatedAt } = record;
    if (isReleased) this.#claim(record);
    const bytes = Buffer.byteLength(text);
    const digest = state === "finished" ? jsonDigest(text) : null;
    const times = [releasedAt, amendedAt] as const;
    const lease = [owner, leaseUntil, updatedAt] as const;
    this.#statements.update.run(state, held, placeText(record), ...times, ...lease, digest, bytes, id);
    if (state === "finished" && bytes > metadataBytesKept) this.#statements.forgetMetadata.run(id);
    else this.#statements.replaceMetadata.run(text, id);
    return { ...record, metadataDigest: digest };
  }

  #claim(record: UploadRecord): void {
    const { folder, name } = destinationOf(record);
    this.#statements.unclaim.run(record.id);
    for (const it of occupiedNames(name)) this.#statements.reclaim.run(folder, it, record.id);
  }
}
