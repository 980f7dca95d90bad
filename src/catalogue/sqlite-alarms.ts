// The book of alarms as tables of the catalogue's database.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Firing } from "../alarms/alarm.ts";
import type { AlarmBook, AlarmChanges, Damage } from "./alarm-book.ts";
import type { OutboxCalls, SqliteOutbox } from "./sqlite-outbox.ts";

/** Throws SQLite's error when the tables of `database` are not those that the book needs. */
export function alarmStatements(database: DatabaseSync) {
  return {
    firing: database.prepare(
      'SELECT alarm, subject, since, told_at AS "toldAt", times, text FROM alarms ORDER BY since, alarm, subject',
    ),
    set: database.prepare(
      `INSERT INTO alarms (alarm, subject, since, told_at, times, text) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (alarm, subject) DO UPDATE SET since = excluded.since, told_at = excluded.told_at,
         times = excluded.times, text = excluded.text`,
    ),
    remove: database.prepare("DELETE FROM alarms WHERE alarm = ? AND subject = ?"),
    damagedSince: database.prepare("SELECT found_at FROM damaged WHERE id = ?"),
    addDamaged: database.prepare(
      "INSERT INTO damaged (id, found_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
    ),
    removeDamaged: database.prepare("DELETE FROM damaged WHERE id = ?"),
    damaged: database.prepare("SELECT count(*) AS uploads FROM damaged"),
    someDamaged: database.prepare(
      "SELECT user, name FROM damaged JOIN uploads USING (id) ORDER BY found_at DESC, id LIMIT ?",
    ),
  } satisfies Record<string, StatementSync>;
}

export class SqliteAlarms implements AlarmBook {
  readonly #statements: ReturnType<typeof alarmStatements>;
  readonly #outbox: Pick<SqliteOutbox, "add">;
  readonly #calls: OutboxCalls;

  constructor(database: DatabaseSync, outbox: Pick<SqliteOutbox, "add">, calls: OutboxCalls) {
    this.#statements = alarmStatements(database);
    this.#outbox = outbox;
    this.#calls = calls;
  }

  firing(): Promise<readonly Firing[]> {
    return this.#calls.ask(() =>
      this.#statements.firing.all().map((row) => ({ ...(row as unknown as Firing) })),
    );
  }

  step({ changed, gone, notices }: AlarmChanges): Promise<void> {
    return this.#calls.change(() => {
      const { set, remove } = this.#statements;
      for (const { alarm, subject, since, toldAt, times, text } of changed)
        set.run(alarm, subject, since, toldAt, times, text);
      for (const { alarm, subject } of gone) remove.run(alarm, subject);
      for (const { id, alarm, subject, at, deliveries } of notices)
        this.#outbox.add({ id, user: alarm, name: subject, updatedAt: at }, deliveries);
    });
  }

  async readAgain(id: string, isSound: boolean, at: string): Promise<void> {
    const { addDamaged, removeDamaged } = this.#statements;
    // Nearly all that is read again was sound before and is: nothing is written for that.
    const wasDamaged = (await this.damagedSince(id)) !== null;
    if (wasDamaged !== isSound) return;
    await this.#calls.change(() => (isSound ? removeDamaged.run(id) : addDamaged.run(id, at)));
  }

  damagedSince(id: string): Promise<string | null> {
    return this.#calls.ask(() => (this.#statements.damagedSince.get(id)?.found_at ?? null) as string | null);
  }

  damage(limit: number): Promise<Damage> {
    return this.#calls.ask(() => ({
      uploads: Number(this.#statements.damaged.get()?.uploads),
      some: this.#statements.someDamaged.all(limit).map((row) => ({ ...(row as Damage["some"][number]) })),
    }));
  }
}
