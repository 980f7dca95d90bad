// What users have, in an SQLite catalogue: running totals of what was stored, and sums of what is under way. Within whatever
// transaction its caller has begun. What is stored in one is written at its end, once for each user: as a trigger it would cost each
// upload 39 µs of processor time more, of some 200 for its four changes.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { UploadRecord } from "./catalogue.ts";
import type { Counted, Quota, QuotaUse, UserUsage } from "./quota.ts";
import { storedAt, unfinished } from "./record-columns.ts";
import { StoredTotals } from "./stored-totals.ts";

function statementsOf(database: DatabaseSync) {
  const underWay = `SELECT user, count(*) AS unfinished, sum(bytes) AS under_way FROM uploads
    WHERE ${unfinished} GROUP BY user`;
  const select = `
    SELECT user, ifnull(stored, 0) AS stored, ifnull(files, 0) AS files, last_at AS "lastAt", counted_at AS "countedAt",
      ifnull(unfinished, 0) AS unfinished, ifnull(under_way, 0) AS "underWay"
    FROM (SELECT user FROM usage UNION SELECT user FROM uploads WHERE ${unfinished})
      LEFT JOIN usage USING (user) LEFT JOIN (${underWay}) USING (user)`;
  return {
    all: database.prepare(`${select} WHERE user > ? ORDER BY user LIMIT ?`),
    stored: database.prepare(
      `SELECT stored, files, last_at AS "lastAt", counted_at AS "countedAt" FROM usage WHERE user = ?`,
    ),
    underWay: database.prepare(
      `SELECT count(*) AS unfinished, ifnull(sum(bytes), 0) AS "underWay"
       FROM uploads INDEXED BY uploads_unfinished WHERE user = ? AND ${unfinished}`,
    ),
    allStored: database.prepare("SELECT user, stored AS bytes FROM usage"),
    allUnderWay: database.prepare(
      `SELECT user, sum(bytes) AS bytes FROM uploads WHERE ${unfinished} GROUP BY user`,
    ),
    add: database.prepare(
      `INSERT INTO usage (user, stored, files, last_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (user) DO UPDATE SET stored = stored + excluded.stored, files = files + excluded.files,
         last_at = max(ifnull(last_at, ''), excluded.last_at)`,
    ),
    later: database.prepare(
      `SELECT count(*) AS files, ifnull(sum(bytes), 0) AS stored FROM uploads
       WHERE user = ?1 AND state = 'finished' AND updated_at >= ?2 AND ${storedAt} >= ?2`,
    ),
    set: database.prepare(
      `INSERT INTO usage (user, stored, files, counted_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (user) DO UPDATE SET stored = excluded.stored, files = excluded.files, counted_at = excluded.counted_at`,
    ),
  } satisfies Record<string, StatementSync>;
}

export class SqliteUsage {
  readonly #statements: ReturnType<typeof statementsOf>;
  readonly #added = new StoredTotals();

  /** Throws SQLite's error when the tables of `database` are not those that it needs. */
  constructor(database: DatabaseSync) {
    this.#statements = statementsOf(database);
  }

  /** This upload was stored. */
  add(record: Pick<UploadRecord, "user" | "bytes" | "updatedAt">): void {
    this.#added.add(record);
  }

  /** Before the transaction ends. */
  write(): void {
    for (const { user, stored, files, lastAt } of this.#added.take())
      this.#statements.add.run(user, stored, files, lastAt);
  }

  /** The transaction came to nothing. */
  drop(): void {
    this.#added.take();
  }

  all(after: string | null, limit: number): readonly UserUsage[] {
    this.write();
    return this.#statements.all.all(after ?? "", limit).map((row) => ({ ...(row as unknown as UserUsage) }));
  }

  of(user: string): UserUsage {
    this.write();
    // Without a row nothing of the user was ever stored or counted.
    const {
      stored = 0,
      files = 0,
      lastAt = null,
      countedAt = null,
    } = (this.#statements.stored.get(user) ?? {}) as Partial<UserUsage>;
    const now = this.#statements.underWay.get(user) as Pick<UserUsage, "unfinished" | "underWay">;
    return { user, stored, files, lastAt, countedAt, ...now };
  }

  use({ of }: Quota): QuotaUse {
    if (typeof of === "string") {
      const { stored, underWay } = this.of(of);
      return { stored, underWay };
    }
    this.write();
    const sum = (rows: readonly Record<string, unknown>[]): number =>
      rows.reduce((all, { user, bytes }) => all + (of(String(user)) ? Number(bytes) : 0), 0);
    return {
      stored: sum(this.#statements.allStored.all()),
      underWay: sum(this.#statements.allUnderWay.all()),
    };
  }

  recount(user: string, found: Counted, since: string, at: string): Counted {
    const { stored, files } = this.of(user);
    const later = this.#statements.later.get(user, since);
    const all = [found.stored + Number(later?.stored), found.files + Number(later?.files)] as const;
    this.#statements.set.run(user, ...all, at);
    return { stored, files };
  }
}
