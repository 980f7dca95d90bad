// The outbox as a table of the catalogue's database.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  type Delivery,
  deliveryAheadMsMax,
  type FailedAttempt,
  type NewDelivery,
  type Outbox,
  type OutboxCount,
  type ToldHook,
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
    add: database.prepare(
      `INSERT INTO outbox (upload, hook, user, name, next_at, created_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (upload, hook) DO NOTHING`,
    ),
    addBody: database.prepare("INSERT INTO outbox_bodies (id, body) VALUES (?, ?)"),
    due: database.prepare(
      `SELECT ${columns} FROM outbox WHERE hook = ? AND next_at > ? AND next_at <= ? ORDER BY next_at, id LIMIT ?`,
    ),
    next: database.prepare("SELECT min(next_at) AS next FROM outbox WHERE hook = ? AND next_at > ?"),
    body: database.prepare("SELECT body FROM outbox_bodies WHERE id = ?"),
    told: database.prepare(
      `INSERT OR REPLACE INTO told_hooks (upload, hook, told_at, attempts)
         SELECT upload, hook, ?2, attempts + 1 FROM outbox
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM uploads WHERE uploads.id = outbox.upload)`,
    ),
    toldOf: database.prepare(
      `SELECT hook, told_at AS "at", attempts FROM told_hooks WHERE upload = ? ORDER BY hook`,
    ),
    remove: database.prepare("DELETE FROM outbox WHERE id = ?"),
    failed: database.prepare("UPDATE outbox SET attempts = ?, next_at = ?, error = ? WHERE id = ?"),
    retry: database.prepare("UPDATE outbox SET next_at = ? WHERE id = ?"),
    get: database.prepare(`SELECT ${columns} FROM outbox WHERE id = ?`),
    ofUpload: database.prepare(`SELECT ${columns} FROM outbox WHERE upload = ? ORDER BY hook`),
    page: database.prepare(`SELECT ${columns} FROM outbox WHERE id > ? ORDER BY id LIMIT ?`),
    pageOf: database.prepare(
      `SELECT ${columns} FROM outbox INDEXED BY outbox_by_hook WHERE hook = ? AND id > ? ORDER BY id LIMIT ?`,
    ),
    isFailing: database.prepare("SELECT 1 FROM outbox WHERE hook = ? AND attempts > 0 LIMIT 1"),
    counts: database.prepare("SELECT hook, count(*) AS deliveries FROM outbox GROUP BY hook ORDER BY hook"),
    failingHooks: database.prepare(
      "SELECT hook, count(*) AS failing FROM outbox WHERE attempts > 0 GROUP BY hook ORDER BY hook",
    ),
    oldestFailing: database.prepare(
      `SELECT ${columns} FROM outbox WHERE hook = ? AND attempts > 0 ORDER BY id LIMIT 1`,
    ),
    failing: database.prepare("SELECT count(*) AS failing FROM outbox WHERE hook = ? AND attempts > 0"),
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
    for (const { hook, body } of deliveries) {
      const row = [id, hook, user, name, Date.parse(updatedAt), updatedAt] as const;
      const { changes, lastInsertRowid } = this.#statements.add.run(...row);
      if (Number(changes) === 1) this.#statements.addBody.run(lastInsertRowid, body);
    }
  }

  due(hook: string, now: number, limit: number): Promise<readonly Delivery[]> {
    return this.#calls.ask(() => {
      const { due } = this.#statements;
      const rows = due.all(hook, Number.MIN_SAFE_INTEGER, now, limit);
      const isEnough = rows.length >= limit;
      const ahead = isEnough
        ? []
        : due.all(hook, now + deliveryAheadMsMax, Number.MAX_SAFE_INTEGER, limit - rows.length);
      return [...rows, ...ahead].map(deliveryOf);
    });
  }

  nextAt(hook: string, now: number): Promise<number | null> {
    return this.#calls.ask(() => (this.#statements.next.get(hook, now)?.next ?? null) as number | null);
  }

  bodyOf(id: number): Promise<string | null> {
    return this.#calls.ask(() => (this.#statements.body.get(id)?.body ?? null) as string | null);
  }

  async delivered(id: number, at: string): Promise<void> {
    await this.#calls.change(() => {
      this.#statements.told.run(id, at);
      this.#statements.remove.run(id);
    });
  }

  async dropped(id: number): Promise<void> {
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

  of(upload: string): Promise<readonly Delivery[]> {
    return this.#calls.ask(() => this.#statements.ofUpload.all(upload).map(deliveryOf));
  }

  toldOf(upload: string): Promise<readonly ToldHook[]> {
    // STRICT tables hold what was put in.
    return this.#calls.ask(() =>
      this.#statements.toldOf.all(upload).map((row) => ({ ...(row as unknown as ToldHook) })),
    );
  }

  page(after: number, limit: number, hook: string | null): Promise<readonly Delivery[]> {
    const { page, pageOf } = this.#statements;
    return this.#calls.ask(() =>
      (hook === null ? page.all(after, limit) : pageOf.all(hook, after, limit)).map(deliveryOf),
    );
  }

  isFailing(hook: string): Promise<boolean> {
    return this.#calls.ask(() => this.#statements.isFailing.get(hook) != null);
  }

  failures(): ReturnType<Outbox["failures"]> {
    return this.#calls.ask(() =>
      this.#statements.failingHooks.all().map(({ hook, failing }) => ({
        oldest: deliveryOf(this.#statements.oldestFailing.get(hook as string)),
        failing: Number(failing),
      })),
    );
  }

  counts(): Promise<readonly OutboxCount[]> {
    return this.#calls.ask(() =>
      this.#statements.counts.all().map((row) => {
        const { hook, deliveries } = row as unknown as Omit<OutboxCount, "failing">;
        return { hook, deliveries, failing: Number(this.#statements.failing.get(hook)?.failing) };
      }),
    );
  }
}

function deliveryOf(row: unknown): Delivery {
  // STRICT tables hold what was put in.
  return { ...(row as Delivery) };
}
