// The outbox in memory: for tests. Same contract as `sqlite-outbox.ts`.

import {
  type Delivery,
  deliveryAheadMsMax,
  type FailedAttempt,
  type NewDelivery,
  type Outbox,
  type OutboxCount,
  type ToldHook,
} from "../../../src/catalogue/outbox.ts";

type Kept = Delivery & { readonly body: string };

export class MemoryOutbox implements Outbox {
  readonly #deliveries = new Map<number, Kept>();
  readonly #told = new Map<string, readonly ToldHook[]>();
  readonly #isUpload: (id: string) => boolean;
  #lastId = 0;

  /** `isUpload` says whether there is a record with that id. */
  constructor(isUpload: (id: string) => boolean) {
    this.#isUpload = isUpload;
  }

  add(
    { id, user, name, updatedAt }: Readonly<Record<"id" | "user" | "name" | "updatedAt", string>>,
    deliveries: readonly NewDelivery[],
  ): void {
    for (const { hook, body } of deliveries) {
      if ([...this.#deliveries.values()].some((it) => it.upload === id && it.hook === hook)) continue;
      const times = { nextAt: Date.parse(updatedAt), createdAt: updatedAt };
      const kept = {
        id: ++this.#lastId,
        hook,
        upload: id,
        user,
        name,
        attempts: 0,
        error: null,
        ...times,
        body,
      };
      this.#deliveries.set(kept.id, kept);
    }
  }

  async due(hook: string, now: number, limit: number): Promise<readonly Delivery[]> {
    return [...this.#deliveries.values()]
      .filter((it) => it.hook === hook && (it.nextAt <= now || it.nextAt > now + deliveryAheadMsMax))
      .sort((a, b) => a.nextAt - b.nextAt || a.id - b.id)
      .slice(0, limit)
      .map(withoutBody);
  }

  async nextAt(hook: string, now: number): Promise<number | null> {
    const times = [...this.#deliveries.values()]
      .filter((it) => it.hook === hook && it.nextAt > now)
      .map(({ nextAt }) => nextAt);
    return times.length === 0 ? null : Math.min(...times);
  }

  async bodyOf(id: number): Promise<string | null> {
    return this.#deliveries.get(id)?.body ?? null;
  }

  async delivered(id: number, at: string): Promise<void> {
    const { upload, hook, attempts = 0 } = this.#deliveries.get(id) ?? {};
    if (upload !== undefined && hook !== undefined && this.#isUpload(upload))
      this.#told.set(upload, [...(this.#told.get(upload) ?? []), { hook, at, attempts: attempts + 1 }]);
    this.#deliveries.delete(id);
  }

  async dropped(id: number): Promise<void> {
    this.#deliveries.delete(id);
  }

  async toldOf(upload: string): Promise<readonly ToldHook[]> {
    if (!this.#isUpload(upload)) return [];
    return (this.#told.get(upload) ?? []).toSorted((a, b) => (a.hook < b.hook ? -1 : 1));
  }

  async failed({ id, ...attempt }: FailedAttempt): Promise<void> {
    const before = this.#deliveries.get(id);
    if (before !== undefined) this.#deliveries.set(id, { ...before, ...attempt });
  }

  async retry(id: number, now: number): Promise<void> {
    const before = this.#deliveries.get(id);
    if (before !== undefined) this.#deliveries.set(id, { ...before, nextAt: now });
  }

  async get(id: number): Promise<Delivery | null> {
    const kept = this.#deliveries.get(id);
    return kept === undefined ? null : withoutBody(kept);
  }

  async of(upload: string): Promise<readonly Delivery[]> {
    return this.list()
      .filter((it) => it.upload === upload)
      .sort((a, b) => (a.hook < b.hook ? -1 : 1));
  }

  async page(after: number, limit: number, hook: string | null): Promise<readonly Delivery[]> {
    return this.list()
      .filter((it) => it.id > after && (hook === null || it.hook === hook))
      .slice(0, limit);
  }

  async isFailing(hook: string): Promise<boolean> {
    return this.list().some((it) => it.hook === hook && it.attempts > 0);
  }

  async failures(): ReturnType<Outbox["failures"]> {
    const failed = this.list().filter(({ attempts }) => attempts > 0);
    const byHook = Map.groupBy(failed, ({ hook }) => hook);
    return [...byHook.values()]
      .map((all) => ({ oldest: all[0] as Delivery, failing: all.length }))
      .sort((a, b) => (a.oldest.hook < b.oldest.hook ? -1 : 1));
  }

  async counts(): Promise<readonly OutboxCount[]> {
    const all = [...this.#deliveries.values()];
    return [...new Set(all.map(({ hook }) => hook))].sort().map((hook) => {
      const own = all.filter((it) => it.hook === hook);
      return { hook, deliveries: own.length, failing: own.filter(({ attempts }) => attempts > 0).length };
    });
  }

  /** For tests: all of them, oldest first. */
  list(): readonly Delivery[] {
    return [...this.#deliveries.values()].map(withoutBody);
  }
}

function withoutBody({ body: _, ...delivery }: Kept): Delivery {
  return delivery;
}
