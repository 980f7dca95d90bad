// The book of alarms in memory: for tests. Same contract as `sqlite-alarms.ts`.

import type { Firing } from "../../../src/alarms/alarm.ts";
import type { AlarmBook, AlarmChanges, Damage } from "../../../src/catalogue/alarm-book.ts";
import type { UploadRecord } from "../../../src/catalogue/catalogue.ts";
import type { MemoryOutbox } from "./outbox.ts";

const keyOf = ({ alarm, subject }: Pick<Firing, "alarm" | "subject">): string =>
  JSON.stringify([alarm, subject]);

export class MemoryAlarms implements AlarmBook {
  readonly #outbox: Pick<MemoryOutbox, "add">;
  readonly #recordOf: (id: string) => UploadRecord | null;
  readonly #firing = new Map<string, Firing>();
  readonly #damaged = new Map<string, string>();

  /** `recordOf` gives a record that is there, or `null`. */
  constructor(outbox: Pick<MemoryOutbox, "add">, recordOf: (id: string) => UploadRecord | null) {
    this.#outbox = outbox;
    this.#recordOf = recordOf;
  }

  async firing(): Promise<readonly Firing[]> {
    return [...this.#firing.values()].sort((a, b) => {
      const [x, y] = [a, b].map(({ since, alarm, subject }) => JSON.stringify([since, alarm, subject])) as [
        string,
        string,
      ];
      return x < y ? -1 : 1;
    });
  }

  async step({ changed, gone, notices }: AlarmChanges): Promise<void> {
    for (const it of changed) this.#firing.set(keyOf(it), it);
    for (const it of gone) this.#firing.delete(keyOf(it));
    for (const { id, alarm, subject, at, deliveries } of notices)
      this.#outbox.add({ id, user: alarm, name: subject, updatedAt: at }, deliveries);
  }

  async readAgain(id: string, isSound: boolean, at: string): Promise<void> {
    if (isSound) this.#damaged.delete(id);
    else if (!this.#damaged.has(id)) this.#damaged.set(id, at);
  }

  async damagedSince(id: string): Promise<string | null> {
    return this.#damaged.get(id) ?? null;
  }

  async damage(limit: number): Promise<Damage> {
    const all = [...this.#damaged].flatMap(([id, at]) => {
      const record = this.#recordOf(id);
      return record === null ? [] : [{ id, at, user: record.user, name: record.name }];
    });
    const last = all.sort((a, b) => (a.at === b.at ? (a.id < b.id ? -1 : 1) : a.at < b.at ? 1 : -1));
    return { uploads: all.length, some: last.slice(0, limit).map(({ user, name }) => ({ user, name })) };
  }
}
