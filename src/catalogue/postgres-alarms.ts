// The book of alarms as tables of the PostgreSQL catalogue.

import type { Firing } from "../alarms/alarm.ts";
import type { AlarmBook, AlarmChanges, Damage } from "./alarm-book.ts";
import type { PostgresCalls } from "./postgres-calls.ts";
import { addDeliveries, rowsOfDeliveries } from "./postgres-deliveries.ts";
import { jsonList, rowsOf } from "./postgres-records.ts";

const columns = ["alarm", "subject", "since", "told_at", "times", "text"];
const set = `INSERT INTO alarms (${columns.join(", ")}) SELECT * FROM ${rowsOf("$1", "g", columns)}
  ON CONFLICT (alarm, subject) DO UPDATE SET since = excluded.since, told_at = excluded.told_at, times = excluded.times,
    text = excluded.text`;
const remove = `DELETE FROM alarms a USING ${rowsOf("$1", "g", ["alarm", "subject"])}
  WHERE a.alarm = g.alarm AND a.subject = g.subject`;

export class PostgresAlarms implements AlarmBook {
  readonly #calls: PostgresCalls;

  constructor(calls: PostgresCalls) {
    this.#calls = calls;
  }

  firing(): Promise<readonly Firing[]> {
    const sql =
      'SELECT alarm, subject, since, told_at AS "toldAt", times, text FROM alarms ORDER BY since, alarm, subject';
    return this.#calls.ask((session) => session.rows<Firing>(sql));
  }

  step({ changed, gone, notices }: AlarmChanges): Promise<void> {
    return this.#calls.change(async (transaction) => {
      const rows = changed.map(({ toldAt, ...row }) => ({ ...row, told_at: toldAt }));
      if (rows.length > 0) transaction.later(set, [jsonList(rows)]);
      if (gone.length > 0) transaction.later(remove, [jsonList(gone)]);
      const deliveries = notices.flatMap(({ id, alarm, subject, at, deliveries }) =>
        rowsOfDeliveries({ id, user: alarm, name: subject, updatedAt: at }, deliveries),
      );
      addDeliveries(transaction, deliveries);
    });
  }

  async readAgain(id: string, isSound: boolean, at: string): Promise<void> {
    // Nearly all that is read again was sound before and is: nothing is written for that.
    const wasDamaged = (await this.damagedSince(id)) !== null;
    if (wasDamaged !== isSound) return;
    await this.#calls.change(async (transaction) => {
      if (isSound) transaction.later("DELETE FROM damaged WHERE id = $1", [id]);
      else
        transaction.later("INSERT INTO damaged (id, found_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", [
          id,
          at,
        ]);
    });
  }

  damagedSince(id: string): Promise<string | null> {
    return this.#calls.ask(async (session) => {
      const sql = "SELECT found_at AS at FROM damaged WHERE id = $1";
      const [row] = await session.rows<{ readonly at: string }>(sql, [id]);
      return row?.at ?? null;
    });
  }

  damage(limit: number): Promise<Damage> {
    const some =
      'SELECT "user", name FROM damaged JOIN uploads USING (id) ORDER BY found_at DESC, id LIMIT $1';
    return this.#calls.ask(async (session) => {
      const [[row], named] = await Promise.all([
        session.rows<{ readonly uploads: number }>("SELECT count(*) AS uploads FROM damaged"),
        session.rows<Damage["some"][number]>(some, [limit]),
      ]);
      return { uploads: row?.uploads ?? 0, some: named };
    });
  }
}
