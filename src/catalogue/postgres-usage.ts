// What users have, in a PostgreSQL catalogue: running totals of what was stored, and sums of what is under way.

import type { Session, Transaction } from "./postgres-database.ts";
import { jsonList, rowsOf } from "./postgres-records.ts";
import type { Counted, QuotaUse, UserUsage } from "./quota.ts";
import { storedAt, unfinished } from "./record-columns.ts";
import type { StoredTotal } from "./stored-totals.ts";

/** What one user has. */
export interface Use extends QuotaUse {
  /** Unfinished uploads, and the bytes of their metadata. */
  readonly uploads: number;
  readonly metadataBytes: number;
}

const columns = ['"user"', "stored", "files", "last_at"];

const add = `
  INSERT INTO usage AS u (${columns.join(", ")}) SELECT * FROM ${rowsOf("$1", "g", columns)} ORDER BY "user"
  ON CONFLICT ("user") DO UPDATE SET stored = u.stored + excluded.stored, files = u.files + excluded.files,
    last_at = greatest(u.last_at, excluded.last_at)`;

/** Adds what was stored. */
export function addStored(transaction: Transaction, totals: readonly StoredTotal[]): void {
  const rows = totals.map(({ lastAt, ...total }) => ({ ...total, last_at: lastAt }));
  if (rows.length > 0) transaction.later(add, [jsonList(rows)]);
}

const usesOf = (users: string) => `
  SELECT "user", coalesce(uploads, 0)::bigint AS uploads, coalesce(metadata_bytes, 0)::bigint AS "metadataBytes",
    coalesce(stored, 0)::bigint AS stored, coalesce(under_way, 0)::bigint AS "underWay"
  FROM (SELECT "user", count(*) AS uploads, sum(metadata_bytes) AS metadata_bytes, sum(bytes) AS under_way
      FROM uploads WHERE ${unfinished} ${users} GROUP BY "user") AS now
    FULL JOIN (SELECT "user", stored FROM usage WHERE true ${users}) AS before USING ("user")`;

type UserUse = Use & { readonly user: string };

/** What all have who have anything. */
export function useOfAll(session: Session): Promise<readonly UserUse[]> {
  return session.rows<UserUse>(usesOf(""));
}

export function useOfUsers(session: Session, users: readonly string[]): Promise<readonly UserUse[]> {
  return session.rows<UserUse>(usesOf('AND "user" = ANY($1)'), [users]);
}

const usages = (users: string) => `
  SELECT "user", coalesce(stored, 0)::bigint AS stored, coalesce(files, 0)::bigint AS files, last_at AS "lastAt",
    counted_at AS "countedAt", coalesce(unfinished, 0)::bigint AS unfinished, coalesce(under_way, 0)::bigint AS "underWay"
  FROM (SELECT "user", count(*) AS unfinished, sum(bytes) AS under_way
      FROM uploads WHERE ${unfinished} ${users} GROUP BY "user") AS now
    FULL JOIN (SELECT * FROM usage WHERE true ${users}) AS before USING ("user")
  ORDER BY "user"`;

export async function usageOf(session: Session, user: string): Promise<UserUsage> {
  const [row] = await session.rows<UserUsage>(usages('AND "user" = $1'), [user]);
  return row ?? { user, stored: 0, files: 0, unfinished: 0, underWay: 0, lastAt: null, countedAt: null };
}

export function usagesBehind(
  session: Session,
  after: string | null,
  limit: number,
): Promise<readonly UserUsage[]> {
  return session.rows<UserUsage>(`${usages('AND "user" > $1')} LIMIT $2`, [after ?? "", limit]);
}

const later = `SELECT count(*) AS files, coalesce(sum(bytes), 0)::bigint AS stored FROM uploads
  WHERE "user" = $1 AND state = 'finished' AND updated_at >= $2 AND ${storedAt} >= $2`;

/** As `Catalogue.recount`. */
export async function recount(
  transaction: Transaction,
  user: string,
  found: Counted,
  { since, at }: { readonly since: string; readonly at: string },
): Promise<Counted> {
  await transaction.run(
    'INSERT INTO usage ("user", stored, files) VALUES ($1, 0, 0) ON CONFLICT ("user") DO NOTHING',
    [user],
  );
  // Who stores something meanwhile waits for this row, and adds to what is written here.
  const [before] = await transaction.rows<Counted>(
    'SELECT stored, files FROM usage WHERE "user" = $1 FOR UPDATE',
    [user],
  );
  const [more] = await transaction.rows<Counted>(later, [user, since]);
  const all = [found.stored + (more?.stored ?? 0), found.files + (more?.files ?? 0)];
  transaction.later('UPDATE usage SET stored = $2, files = $3, counted_at = $4 WHERE "user" = $1', [
    user,
    ...all,
    at,
  ]);
  return { stored: before?.stored ?? 0, files: before?.files ?? 0 };
}
