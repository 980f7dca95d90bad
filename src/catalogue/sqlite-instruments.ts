// What is known of instruments, as a table of the catalogue's database.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Instrument, Instruments } from "./instruments.ts";
import { ended, storedAt } from "./record-columns.ts";
import type { OutboxCalls } from "./sqlite-outbox.ts";

const columns = `user, label, seen_at AS "seenAt", report`;

/** Throws SQLite's error when the tables of `database` are not those that it needs. */
export function instrumentStatements(database: DatabaseSync) {
  return {
    keep: database.prepare(
      `INSERT INTO instruments (user, label, seen_at, report) VALUES (?, ?, ?, ?)
       ON CONFLICT (user, label) DO UPDATE SET seen_at = excluded.seen_at, report = excluded.report`,
    ),
    // There are few of a user.
    trim: database.prepare(
      `DELETE FROM instruments WHERE user = ?1 AND label IN
         (SELECT label FROM instruments WHERE user = ?1 ORDER BY seen_at DESC, label LIMIT -1 OFFSET ?2)`,
    ),
    page: database.prepare(
      `SELECT ${columns} FROM instruments WHERE (user, label) > (?, ?) ORDER BY user, label LIMIT ?`,
    ),
    remove: database.prepare("DELETE FROM instruments WHERE user = ? AND label = ?"),
    forget: database.prepare("DELETE FROM instruments WHERE seen_at < ?"),
    arrivals: database.prepare(
      `SELECT at FROM (SELECT ${storedAt} AS at FROM uploads INDEXED BY uploads_ended
         WHERE user = ? AND state = 'finished' AND ${ended} ORDER BY updated_at DESC LIMIT ?) ORDER BY at DESC`,
    ),
  } satisfies Record<string, StatementSync>;
}

export class SqliteInstruments implements Instruments {
  readonly #statements: ReturnType<typeof instrumentStatements>;
  readonly #calls: OutboxCalls;

  constructor(database: DatabaseSync, calls: OutboxCalls) {
    this.#statements = instrumentStatements(database);
    this.#calls = calls;
  }

  keep({ user, label, seenAt, report }: Instrument, most: number): Promise<void> {
    return this.#calls.change(() => {
      this.#statements.keep.run(user, label, seenAt, report);
      this.#statements.trim.run(user, most);
    });
  }

  page(after: Pick<Instrument, "user" | "label"> | null, limit: number): Promise<readonly Instrument[]> {
    return this.#calls.ask(() =>
      this.#statements.page
        .all(after?.user ?? "", after?.label ?? "", limit)
        .map((row) => ({ ...(row as unknown as Instrument) })),
    );
  }

  remove(user: string, label: string): Promise<boolean> {
    return this.#calls.change(() => Number(this.#statements.remove.run(user, label).changes) > 0);
  }

  forget(before: string): Promise<number> {
    return this.#calls.change(() => Number(this.#statements.forget.run(before).changes));
  }

  arrivals(user: string, limit: number): Promise<readonly string[]> {
    return this.#calls.ask(() => this.#statements.arrivals.all(user, limit).map(({ at }) => String(at)));
  }
}
