// The outbox as a table of the PostgreSQL catalogue.

import {
  type Delivery,
  deliveryAheadMsMax,
  type FailedAttempt,
  type Outbox,
  type OutboxCount,
  type ToldHook,
} from "./outbox.ts";
import type { PostgresCalls } from "./postgres-calls.ts";

const columns = `id, hook, upload, "user", name, attempts, next_at AS "nextAt", error, created_at AS "createdAt"`;
const select = `SELECT ${columns} FROM outbox`;
const remove = "DELETE FROM outbox WHERE id = $1";
const told = `INSERT INTO told_hooks (upload, hook, told_at, attempts)
  SELECT upload, hook, $2, attempts + 1 FROM outbox
  WHERE id = $1 AND EXISTS (SELECT FROM uploads WHERE uploads.id = outbox.upload)
  ON CONFLICT (upload, hook) DO UPDATE SET told_at = excluded.told_at, attempts = excluded.attempts`;

export class PostgresOutbox implements Outbox {
  readonly #calls: PostgresCalls;

  constructor(calls: PostgresCalls) {
    this.#calls = calls;
  }

  due(hook: string, now: number, limit: number): Promise<readonly Delivery[]> {
    const sql = `${select} WHERE hook = $1 AND next_at > $2 AND next_at <= $3 ORDER BY next_at, id LIMIT $4`;
    const [first, last] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    return this.#calls.ask(async (session) => {
      const [rows, ahead] = await Promise.all([
        session.rows<Delivery>(sql, [hook, first, now, limit]),
        session.rows<Delivery>(sql, [hook, now + deliveryAheadMsMax, last, limit]),
      ]);
      return [...rows, ...ahead].slice(0, limit);
    });
  }

  nextAt(hook: string, now: number): Promise<number | null> {
    const sql = "SELECT min(next_at) AS next FROM outbox WHERE hook = $1 AND next_at > $2";
    return this.#one<{ readonly next: number | null }, number | null>(
      sql,
      [hook, now],
      (row) => row?.next ?? null,
    );
  }

  bodyOf(id: number): Promise<string | null> {
    const sql = "SELECT body FROM outbox WHERE id = $1";
    return this.#one<{ readonly body: string }, string | null>(sql, [id], (row) => row?.body ?? null);
  }

  delivered(id: number, at: string): Promise<void> {
    return this.#calls.change(async (transaction) => {
      transaction.later(told, [id, at]);
      transaction.later(remove, [id]);
    });
  }

  dropped(id: number): Promise<void> {
    return this.#write(remove, [id]);
  }

  failed({ id, attempts, nextAt, error }: FailedAttempt): Promise<void> {
    const sql = "UPDATE outbox SET attempts = $2, next_at = $3, error = $4 WHERE id = $1";
    return this.#write(sql, [id, attempts, nextAt, error]);
  }

  retry(id: number, now: number): Promise<void> {
    return this.#write("UPDATE outbox SET next_at = $2 WHERE id = $1", [id, now]);
  }

  get(id: number): Promise<Delivery | null> {
    return this.#one<Delivery, Delivery | null>(`${select} WHERE id = $1`, [id], (row) => row ?? null);
  }

  of(upload: string): Promise<readonly Delivery[]> {
    return this.#all(`${select} WHERE upload = $1 ORDER BY hook`, [upload]);
  }

  toldOf(upload: string): Promise<readonly ToldHook[]> {
    const sql = `SELECT hook, told_at AS at, attempts FROM told_hooks WHERE upload = $1 ORDER BY hook`;
    return this.#calls.ask((session) => session.rows<ToldHook>(sql, [upload]));
  }

  page(after: number, limit: number, hook: string | null): Promise<readonly Delivery[]> {
    return hook === null
      ? this.#all(`${select} WHERE id > $1 ORDER BY id LIMIT $2`, [after, limit])
      : this.#all(`${select} WHERE hook = $3 AND id > $1 ORDER BY id LIMIT $2`, [after, limit, hook]);
  }

  isFailing(hook: string): Promise<boolean> {
    const sql = "SELECT 1 FROM outbox WHERE hook = $1 AND attempts > 0 LIMIT 1";
    return this.#one(sql, [hook], (row) => row !== undefined);
  }

  failures(): ReturnType<Outbox["failures"]> {
    const sql = `SELECT ${columns}, failing FROM outbox
      JOIN (SELECT min(id) AS id, count(*) AS failing FROM outbox WHERE attempts > 0 GROUP BY hook) AS first USING (id)
      ORDER BY hook`;
    return this.#calls.ask(async (session) => {
      const rows = await session.rows<Delivery & { readonly failing: number }>(sql);
      return rows.map(({ failing, ...oldest }) => ({ oldest, failing }));
    });
  }

  counts(): Promise<readonly OutboxCount[]> {
    const sql = `SELECT hook, count(*) AS deliveries, count(*) FILTER (WHERE attempts > 0) AS failing
      FROM outbox GROUP BY hook ORDER BY hook`;
    return this.#calls.ask((session) => session.rows<OutboxCount>(sql));
  }

  #all(sql: string, values: readonly unknown[]): Promise<readonly Delivery[]> {
    return this.#calls.ask((session) => session.rows<Delivery>(sql, values));
  }

  #one<Row, Result>(
    sql: string,
    values: readonly unknown[],
    read: (row: Row | undefined) => Result,
  ): Promise<Result> {
    return this.#calls.ask(async (session) => read((await session.rows<Row>(sql, values))[0]));
  }

  #write(sql: string, values: readonly unknown[]): Promise<void> {
    return this.#calls.change(async (transaction) => transaction.later(sql, values));
  }
}
