// Keys that were refused and may be let in, as servers share them, in the PostgreSQL catalogue.

import type { PostgresDatabase, Session, Transaction } from "./postgres-database.ts";
import { schema } from "./postgres-migrations.ts";
import { jsonList, rowsOf } from "./postgres-records.ts";
import type { PendingRow, PendingState, SharedPendingKeys } from "./servers.ts";

// "pend" in ASCII: who changes them has this lock, and sees what the one before made of them.
const pendingLock = 0x70656e64;

const columns = ["key", "address", "first_at", "last_at", "times"];
const readKeys = `SELECT key, address, first_at AS "firstAt", last_at AS "lastAt", times FROM ${schema}.pending_keys
  ORDER BY last_at, key`;
const readDismissed = `SELECT fingerprint FROM ${schema}.dismissed_keys ORDER BY sequence`;
const write = `INSERT INTO ${schema}.pending_keys (${columns.join(", ")})
  SELECT ${columns.join(", ")} FROM ${rowsOf("$1", "g", columns)}
  ON CONFLICT (key) DO UPDATE SET address = excluded.address, first_at = excluded.first_at, last_at = excluded.last_at,
    times = excluded.times`;
// In the order in which they are given.
const dismiss = `INSERT INTO ${schema}.dismissed_keys (fingerprint)
  SELECT fingerprint FROM unnest($1::text[]) WITH ORDINALITY AS g(fingerprint, place) ORDER BY place`;

export class PostgresPendingKeys implements SharedPendingKeys {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  read(): Promise<PendingState> {
    return this.#database.ask("looked up in", readState);
  }

  change(judge: (shared: PendingState) => PendingState): Promise<PendingState> {
    return this.#database.change("written into", async (transaction) => {
      await transaction.rows("SELECT pg_advisory_xact_lock($1)", [pendingLock]);
      const before = await readState(transaction);
      const after = judge(before);
      writeKeys(transaction, before.keys, after.keys);
      writeDismissed(transaction, new Set(before.dismissed), new Set(after.dismissed));
      return after;
    });
  }
}

async function readState(session: Session): Promise<PendingState> {
  const [keys, dismissed] = await Promise.all([
    session.rows<PendingRow>(readKeys),
    session.rows<{ readonly fingerprint: string }>(readDismissed),
  ]);
  return { keys, dismissed: dismissed.map(({ fingerprint }) => fingerprint) };
}

function writeKeys(
  transaction: Transaction,
  before: readonly PendingRow[],
  after: readonly PendingRow[],
): void {
  const left = new Set(after.map(({ key }) => key));
  const gone = before.filter(({ key }) => !left.has(key)).map(({ key }) => key);
  const known = new Map(before.map((row) => [row.key, row] as const));
  const changed = after.filter((row) => !isSame(row, known.get(row.key)));
  if (gone.length > 0) transaction.later(`DELETE FROM ${schema}.pending_keys WHERE key = ANY ($1)`, [gone]);
  if (changed.length === 0) return;
  const rows = changed.map(({ firstAt, lastAt, ...row }) => ({ ...row, first_at: firstAt, last_at: lastAt }));
  transaction.later(write, [jsonList(rows)]);
}

function isSame(row: PendingRow, other: PendingRow | undefined): boolean {
  const { address, firstAt, lastAt, times } = row;
  return (
    address === other?.address &&
    firstAt === other.firstAt &&
    lastAt === other.lastAt &&
    times === other.times
  );
}

function writeDismissed(
  transaction: Transaction,
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
): void {
  const gone = [...before].filter((it) => !after.has(it));
  const added = [...after].filter((it) => !before.has(it));
  if (gone.length > 0)
    transaction.later(`DELETE FROM ${schema}.dismissed_keys WHERE fingerprint = ANY ($1)`, [gone]);
  if (added.length > 0) transaction.later(dismiss, [added]);
}
