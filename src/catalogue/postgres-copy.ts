// A catalogue in PostgreSQL as what is copied, and as what a copy goes into: each within one transaction.

import type { Firing } from "../alarms/alarm.ts";
import { digestOfSent } from "../upload/added.ts";
import {
  type CopiedDelivery,
  type CopiedRest,
  type CopiedUpload,
  type CopySource,
  type CopyTarget,
  copiedUploads,
  type NameRow,
  type ToldRow,
  type UploadRow,
} from "./copy.ts";
import type { Instrument } from "./instruments.ts";
import type { Session, Transaction } from "./postgres-database.ts";
import { copyRecords, jsonList, rowOf } from "./postgres-records.ts";
import { columns } from "./record-columns.ts";

export class PostgresCopySource implements CopySource {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async uploads(after: number, limit: number): Promise<readonly CopiedUpload[]> {
    const rows = await this.#session.rows<UploadRow>(
      `SELECT ${columns}, u.sequence AS sequence, metadata_bytes AS "metadataBytes", m.text AS "metadataText"
       FROM uploads u LEFT JOIN metadata m USING (sequence) WHERE u.sequence > $1 ORDER BY u.sequence LIMIT $2`,
      [after, limit],
    );
    const told = await this.#session.rows<ToldRow>(
      `SELECT upload, hook, told_at AS at, attempts FROM told_hooks
       WHERE upload IN (SELECT id FROM uploads WHERE sequence > $1 ORDER BY sequence LIMIT $2) ORDER BY hook`,
      [after, limit],
    );
    const names = await this.#session.rows<NameRow>(
      "SELECT folder, name, sequence FROM names WHERE sequence BETWEEN $1 AND $2",
      [rows.at(0)?.sequence ?? 0, rows.at(-1)?.sequence ?? 0],
    );
    return copiedUploads(rows, told, names);
  }

  deliveries(after: number, limit: number): Promise<readonly CopiedDelivery[]> {
    const sql = `SELECT id, hook, upload, "user", name, attempts, next_at AS "nextAt", error, created_at AS "createdAt", body
      FROM outbox WHERE id > $1 ORDER BY id LIMIT $2`;
    return this.#session.rows<CopiedDelivery>(sql, [after, limit]);
  }

  async rest(): Promise<CopiedRest> {
    const session = this.#session;
    return {
      usages: await session.rows(
        'SELECT "user", stored, files, last_at AS "lastAt", counted_at AS "countedAt" FROM usage',
      ),
      alarms: await session.rows<Firing>(
        'SELECT alarm, subject, since, told_at AS "toldAt", times, text FROM alarms',
      ),
      damaged: await session.rows('SELECT id, found_at AS "foundAt" FROM damaged'),
      instruments: await session.rows<Instrument>(
        'SELECT "user", label, seen_at AS "seenAt", report FROM instruments',
      ),
    };
  }
}

const tables = "uploads, metadata, names, usage, outbox, told_hooks, alarms, damaged, instruments";

/** Whether nothing is in it. */
export async function isEmpty(session: Session): Promise<boolean> {
  const [row] = await session.rows<{ readonly any: boolean }>(
    "SELECT EXISTS (SELECT FROM uploads) OR EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM usage) AS any",
  );
  return row?.any !== true;
}

/** Takes all away that is in it. */
export async function empty(session: Session): Promise<void> {
  await session.script(`TRUNCATE ${tables}`);
}

/** Into tables in which nothing is. */
export class PostgresCopyTarget implements CopyTarget {
  readonly #transaction: Transaction;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  async addUploads(uploads: readonly CopiedUpload[]): Promise<void> {
    const rows = uploads.map(({ sequence, record, metadataBytes, metadataText: text }) => {
      const { added, metadataDigest } = record;
      // What finished has its digest already.
      const sentDigest = text === null ? metadataDigest : digestOfSent({ metadataText: text, added });
      return { ...rowOf(record, { metadataBytes, sentDigest }), sequence, text };
    });
    const names = uploads.flatMap(({ names, sequence }) =>
      names.map(({ folder, name }) => ({ folder, name, sequence })),
    );
    await this.#transaction.run(copyRecords, [jsonList(rows), jsonList(names)]);
    const told = uploads.flatMap(({ record, told }) =>
      told.map(({ hook, at, attempts }) => ({ upload: record.id, hook, told_at: at, attempts })),
    );
    await this.#add("told_hooks", ["upload", "hook", "told_at", "attempts"], told);
  }

  async addDeliveries(deliveries: readonly CopiedDelivery[]): Promise<void> {
    const rows = deliveries.map(({ nextAt, createdAt, user, ...row }) => ({
      ...{ ...row, user, next_at: nextAt, created_at: createdAt },
    }));
    const columns = [
      "id",
      "hook",
      "upload",
      '"user"',
      "name",
      "attempts",
      "next_at",
      "error",
      "created_at",
      "body",
    ];
    await this.#add("outbox", columns, rows);
  }

  async addRest({ usages, alarms, damaged, instruments }: CopiedRest): Promise<void> {
    await this.#add(
      "usage",
      ['"user"', "stored", "files", "last_at", "counted_at"],
      usages.map(({ lastAt, countedAt, ...row }) => ({ ...row, last_at: lastAt, counted_at: countedAt })),
    );
    await this.#add(
      "alarms",
      ["alarm", "subject", "since", "told_at", "times", "text"],
      alarms.map(({ toldAt, ...row }) => ({ ...row, told_at: toldAt })),
    );
    await this.#add(
      "damaged",
      ["id", "found_at"],
      damaged.map(({ id, foundAt }) => ({ id, found_at: foundAt })),
    );
    await this.#add(
      "instruments",
      ['"user"', "label", "seen_at", "report"],
      instruments.map(({ seenAt, ...row }) => ({ ...row, seen_at: seenAt })),
    );
    // What is added next comes behind all that was copied, and no number is used again.
    for (const [table, key] of [
      ["uploads", "sequence"],
      ["outbox", "id"],
    ] as const)
      await this.#transaction.rows(
        `SELECT setval(pg_get_serial_sequence('${table}', '${key}'), coalesce(max(${key}), 0) + 1, false) FROM ${table}`,
      );
  }

  async #add(table: string, columns: readonly string[], rows: readonly object[]): Promise<void> {
    if (rows.length === 0) return;
    // The database knows the types of its columns.
    const sql = `INSERT INTO ${table} (${columns.join(", ")})
      SELECT ${columns.join(", ")} FROM json_populate_recordset(NULL::${table}, $1::json)`;
    await this.#transaction.run(sql, [jsonList(rows)]);
  }
}
