// What is known of instruments, in memory: for tests. Same contract as `sqlite-instruments.ts`.

import type { Instrument, Instruments } from "../../../src/catalogue/instruments.ts";

const keyOf = ({ user, label }: Pick<Instrument, "user" | "label">): string => JSON.stringify([user, label]);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export class MemoryInstruments implements Instruments {
  readonly #kept = new Map<string, Instrument>();
  readonly #arrivals: (user: string) => readonly string[];

  constructor(arrivals: (user: string) => readonly string[]) {
    this.#arrivals = arrivals;
  }

  async keep(instrument: Instrument, most: number): Promise<void> {
    this.#kept.set(keyOf(instrument), instrument);
    const own = [...this.#kept.values()].filter(({ user }) => user === instrument.user);
    const latest = own.sort((a, b) => compare(b.seenAt, a.seenAt) || compare(a.label, b.label));
    for (const old of latest.slice(most)) this.#kept.delete(keyOf(old));
  }

  async page(
    after: Pick<Instrument, "user" | "label"> | null,
    limit: number,
  ): Promise<readonly Instrument[]> {
    const order = (a: Pick<Instrument, "user" | "label">, b: Pick<Instrument, "user" | "label">): number =>
      compare(a.user, b.user) || compare(a.label, b.label);
    return [...this.#kept.values()]
      .sort(order)
      .filter((it) => after === null || order(it, after) > 0)
      .slice(0, limit);
  }

  async remove(user: string, label: string): Promise<boolean> {
    return this.#kept.delete(keyOf({ user, label }));
  }

  async forget(before: string): Promise<number> {
    const old = [...this.#kept.values()].filter(({ seenAt }) => seenAt < before);
    for (const it of old) this.#kept.delete(keyOf(it));
    return old.length;
  }

  async arrivals(user: string, limit: number): Promise<readonly string[]> {
    return [...this.#arrivals(user)].sort((a, b) => compare(b, a)).slice(0, limit);
  }
}
