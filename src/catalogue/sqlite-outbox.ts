// The outbox as a table of the catalogue's database.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  type Delivery,
  deliveryAheadMsMax,
  type FailedAttempt,
  type NewDelivery,
  type Outbox,
  type OutboxCount,
} from "./outbox.ts";

/** How calls of the catalogue are done: in their order, those that change something together. */
export interface OutboxCalls {
  ask<Result>(read: () => Result): Promise<Result>;
  change<Result>(write: () => Result): Promise<Result>;
}

const columns = `id, hook, upload, user, name, attempts, next_at AS "nextAt", error, created_at AS "createdAt"`;

/** Throws SQLite's error when the tables of `database` are not those that the outbox needs. */
export function outboxStatements(database: DatabaseSync) {
  return {
    // A body is in its own pages: what is listed reads none of them.
    add: database.prepare(
      `INSERT INTO outbox (upload, hook, user, name, next_at, created_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (upload, hook) DO NOTHING`,
    ),
    due: database.prepare(
      `SELECT ${columns} FROM outbox WHERE hook = ? AND (next_at <= ? OR next_at > ?) ORDER BY next_at, id LIMIT ?`,
    ),
    next: database.prepare("SELECT min(next_at) AS next FROM outbox WHERE hook = ? AND next_at > ?"),
    body: database.prepare("SELECT body FROM outbox WHERE id = ?"),
    remove: database.prepare("DELETE FROM outbox WHERE id = ?"),
    failed: database.prepare("UPDATE outbox SET attempts = ?, next_at = ?, error = ? WHERE id = ?"),
    retry: database.prepare("UPDATE outbox SET next_at = ? WHERE id = ?"),
    get: database.prepare(`SELECT ${columns} FROM outbox WHERE id = ?`),
    page: database.prepare(
      `SELECT ${columns} FROM outbox WHERE id > ? AND (? IS NULL OR hook = ?) ORDER BY id LIMIT ?`,
    ),
    counts: database.prepare(
      `SELECT hook, count(*) AS deliveries, count(*) FILTER (WHERE attempts > 0) AS failing
       FROM outbox GROUP BY hook ORDER BY hook`,
    ),
  } satisfies Record<string, StatementSync>;
}

export class SqliteOutbox implements Outbox {
  readonly #statements: ReturnType<typeof outboxStatements>;
  readonly #calls: OutboxCalls;

  constructor(database: DatabaseSync, calls: OutboxCalls) {
    this.#statements = outboxStatements(database);
    this.#calls = calls;
  }

  /** Adds what begins with the end of an upload, which is being written down just now. */
  add(
    { id, user, name, updatedAt }: Readonly<Record<"id" | "user" | "name" | "updatedAt", string>>,
    deliveries: readonly NewDelivery[],
  ): void {
    for (const { hook, body } of deliveries)
      this.#statements.add.run(id, hook, user, name, Date.parse(updatedAt), updatedAt, body);
  }

  due(hook: string, now: number, limit: number): Promise<readonly Delivery[]> {
    return this.#calls.ask(() =>
      this.#statements.due.all(hook, now, now + deliveryAheadMsMax, limit).map(deliveryOf),
    );
  }

  nextAt(hook: string, now: number): Promise<number | null> {
    return this.#calls.ask(() => (this.#statements.next.get(hook, now)?.next ?? null) as number | null);
  }

  bodyOf(id: number): Promise<string | null> {
    return this.#calls.ask(() => (this.#statements.body.get(id)?.body ?? null) as string | null);
  }

  async delivered(id: number): Promise<void> {
    await this.#calls.change(() => this.#statements.remove.run(id));
  }

  async failed({ id, attempts, nextAt, error }: FailedAttempt): Promise<void> {
    await this.#calls.change(() => this.#statements.failed.run(attempts, nextAt, error, id));
  }

  async retry(id: number, now: number): Promise<void> {
    await this.#calls.change(() => this.#statements.retry.run(now, id));
  }

  get(id: number): Promise<Delivery | null> {
    return this.#calls.ask(() => {
      const row = this.#statements.get.get(id);
      return row == null ? null : deliveryOf(row);
    });
  }

  page(after: number, limit: number, hook: string | null): Promise<readonly Delivery[]> {
    return this.#calls.ask(() => this.#statements.page.all(after, hook, hook, limit).map(deliveryOf));
  }

  counts(): Promise<readonly OutboxCount[]> {
    return this.#calls.ask(() =>
      this.#statements.counts.all().map((row) => ({ ...(row as unknown as OutboxCount) })),
    );
  }
}

function deliveryOf(row: unknown): Delivery {
  // STRICT tables hold what was put in.
  return { ...(row as Delivery) };
}
