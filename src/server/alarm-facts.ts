// Looks up what the conditions of alarms are about: who sent last, what does not go on, how the disk, hooks and keys are.

import type { Alarm, Finding } from "../alarms/alarm.ts";
import {
  type Arrival,
  type DiskFacts,
  damageFindings,
  diskFindings,
  hookFindings,
  keyFindings,
  silentFindings,
  stalledFindings,
  type Unfinished,
} from "../alarms/conditions.ts";
import type { Clock } from "../base/clock.ts";
import { Turns } from "../base/turns.ts";
import type { Catalogue, UploadRecord, UserUsage } from "../catalogue/catalogue.ts";
import type { Hook } from "../hooks/hook.ts";
import type { AuthorizedKey } from "../keys/authorized-clients.ts";

export interface AlarmFactsParts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly hooksOf: () => readonly Hook[];
  /** All who have anything. */
  readonly usages: () => AsyncIterable<UserUsage>;
  readonly keys: () => readonly Pick<AuthorizedKey, "user" | "fingerprint" | "file" | "expiresAt">[];
  readonly disk: () => Promise<DiskFacts>;
  /** Bytes of an upload that has a client, or `null`: it has none. */
  readonly bytesOf: (id: string) => number | null;
}

/** How far an upload was, and since when (monotonic ms). */
interface Seen {
  readonly bytes: number;
  readonly since: number;
}
type Watched = Map<string, Seen>;

// Who could not send while the server was away does so within that time of its start.
const graceMs = 3_600_000;
const pageRecords = 100;
// Of more than that nobody reads which they are; what is looked at takes some tens of milliseconds.
const stalledMax = 5_000;
const damagedShown = 3;

export class AlarmFacts {
  readonly #parts: AlarmFactsParts;
  /** Monotonic ms. */
  readonly #startedAt: number;
  /** For each alarm how far uploads were that have a client, and no progress in their records. */
  readonly #watched = new Map<string, Watched>();

  constructor(parts: AlarmFactsParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** What `alarm` finds now. Rejects where that cannot be looked up, or when `signal` aborts. */
  async findings({ name, condition, users }: Alarm, signal: AbortSignal): Promise<readonly Finding[]> {
    const { catalogue, clock } = this.#parts;
    const isMeant = (user: string): boolean => users?.some((matches) => matches(user)) ?? true;
    switch (condition.when) {
      case "silent": {
        const found = silentFindings({ name, condition }, await this.#arrivals(isMeant), clock.date());
        const isEarly = clock.now() - this.#startedAt < Math.min(graceMs, condition.afterMs);
        return isEarly ? found.map((it) => ({ ...it, begins: false })) : found;
      }
      case "stalled":
        return stalledFindings({ condition }, await this.#stalled(name, condition.afterMs, isMeant, signal));
      case "disk-full":
        return diskFindings({ condition }, await this.#parts.disk());
      case "hook-failing":
        return hookFindings({ condition }, await this.#failingHooks(), clock.date());
      case "damaged": {
        const { uploads, some } = await catalogue.alarms.damage(damagedShown);
        return damageFindings({ uploads, some: some.map((it) => `${it.user}/${it.name}`) });
      }
      case "key-expiring": {
        const keys = this.#parts.keys().flatMap(({ expiresAt, ...key }) => {
          return expiresAt === undefined || !isMeant(key.user) ? [] : [{ ...key, expiresAt }];
        });
        return keyFindings({ condition }, keys, clock.date());
      }
    }
  }

  async #arrivals(isMeant: (user: string) => boolean): Promise<readonly Arrival[]> {
    const arrivals: Arrival[] = [];
    for await (const { user, lastAt } of this.#parts.usages())
      if (lastAt !== null && isMeant(user)) arrivals.push({ user, lastAt });
    return arrivals;
  }

  async #stalled(
    alarm: string,
    afterMs: number,
    isMeant: (user: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly Unfinished[]> {
    const { catalogue, clock } = this.#parts;
    const before = new Date(Math.max(0, clock.date().getTime() - afterMs)).toISOString();
    const stalled: Unfinished[] = [];
    const watched: Watched = new Map();
    const known = this.#watched.get(alarm);
    const turns = new Turns(1, signal);
    for (const state of ["open", "publishing"] as const) {
      for (let last: UploadRecord | null = null; watched.size + stalled.length < stalledMax; ) {
        const page = await catalogue.unchanged(state, before, last, pageRecords);
        for (const record of page) {
          // What is complete and waits for other metadata waits for somebody, and not for bytes.
          if (!isMeant(record.user) || (record.held !== null && record.sha256 !== null)) continue;
          const seen = this.#seen(record.id, known);
          if (seen !== null) watched.set(record.id, seen);
          if (seen === null || clock.now() - seen.since >= afterMs) stalled.push(record);
        }
        if (page.length < pageRecords) break;
        last = page.at(-1) as UploadRecord;
        await turns.step();
      }
    }
    this.#watched.set(alarm, watched);
    return stalled;
  }

  /**
   * Records are written seldom: whether an upload with a client goes on is seen in what came since the look before. `null`: it has none
   * here; of one that has its client at another server the record says that it goes on, see `UploadJournal.heard`.
   */
  #seen(id: string, before: Watched | undefined): Seen | null {
    const bytes = this.#parts.bytesOf(id);
    if (bytes === null) return null;
    const seen = before?.get(id);
    return seen?.bytes === bytes ? seen : { bytes, since: this.#parts.clock.now() };
  }

  async #failingHooks() {
    const { catalogue, hooksOf } = this.#parts;
    const names = new Set(hooksOf().map(({ name }) => name));
    const failures = await catalogue.outbox.failures();
    return failures
      .filter(({ oldest }) => names.has(oldest.hook))
      .map(({ oldest: { hook, createdAt, error }, failing }) => ({ hook, since: createdAt, failing, error }));
  }
}
