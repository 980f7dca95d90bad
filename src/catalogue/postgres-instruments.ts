// What is known of instruments, as a table of the PostgreSQL catalogue.

import type { Instrument, Instruments } from "./instruments.ts";
import type { PostgresCalls } from "./postgres-calls.ts";
import { ended, storedAt } from "./record-columns.ts";

const keep = `INSERT INTO instruments ("user", label, seen_at, report) VALUES ($1, $2, $3, $4)
  ON CONFLICT ("user", label) DO UPDATE SET seen_at = excluded.seen_at, report = excluded.report`;
// There are few of a user.
const trim = `DELETE FROM instruments WHERE "user" = $1 AND label IN
  (SELECT label FROM instruments WHERE "user" = $1 ORDER BY seen_at DESC, label OFFSET $2)`;
const page = `SELECT "user", label, seen_at AS "seenAt", report FROM instruments
  WHERE ("user", label) > ($1, $2) ORDER BY "user", label LIMIT $3`;
const arrivals = `SELECT at FROM (SELECT ${storedAt} AS at FROM uploads
  WHERE "user" = $1 AND state = 'finished' AND ${ended} ORDER BY updated_at DESC LIMIT $2) AS latest ORDER BY at DESC`;

export class PostgresInstruments implements Instruments {
  readonly #calls: PostgresCalls;

  constructor(calls: PostgresCalls) {
    this.#calls = calls;
  }

  keep({ user, label, seenAt, report }: Instrument, most: number): Promise<void> {
    return this.#calls.change(async (transaction) => {
      transaction.later(keep, [user, label, seenAt, report]);
      transaction.later(trim, [user, most]);
    });
  }

  page(after: Pick<Instrument, "user" | "label"> | null, limit: number): Promise<readonly Instrument[]> {
    const values = [after?.user ?? "", after?.label ?? "", limit];
    return this.#calls.ask((session) => session.rows<Instrument>(page, values));
  }

  remove(user: string, label: string): Promise<boolean> {
    const sql = 'DELETE FROM instruments WHERE "user" = $1 AND label = $2';
    return this.#calls.change(async (transaction) => (await transaction.run(sql, [user, label])) > 0);
  }

  forget(before: string): Promise<number> {
    const sql = "DELETE FROM instruments WHERE seen_at < $1";
    return this.#calls.change((transaction) => transaction.run(sql, [before]));
  }

  arrivals(user: string, limit: number): Promise<readonly string[]> {
    return this.#calls.ask(async (session) => {
      const rows = await session.rows<{ readonly at: string }>(arrivals, [user, limit]);
      return rows.map(({ at }) => at);
    });
  }
}
