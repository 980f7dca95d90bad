// What users have stored, counted where it lies: files leave the data folder by others' hands, and nobody tells the catalogue. Done when
// somebody asks for it, and once a day where a quota makes it matter. Uploads go on meanwhile.

import type { CancelTimer, Clock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { Turns } from "../base/turns.ts";
import type { Catalogue, Counted, UserUsage } from "../catalogue/catalogue.ts";
import type { RulesOf } from "../config/server-settings.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import { quotasOf } from "./quotas.ts";

export interface RecountParts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rulesOf: RulesOf;
  /** Whether this server is the one that counts by itself, of all that share the catalogue; it is unless given. */
  readonly leads?: () => boolean;
  /** What lies where uploads are published, in any order; what cannot be looked at is a warning to `log`. */
  readonly published: (log: Logger) => AsyncIterable<CompleteUpload>;
}

/** What a count found of a user. */
export interface Recount {
  readonly user: string;
  readonly before: Counted;
  readonly now: Counted;
}

const dayMs = 24 * 3_600_000;
const lookEveryMs = 10 * 60_000;
// A look into the catalogue takes some 10 microseconds, and the walk waits for the disk between two.
const looksPerTurn = 20;
const pageUsers = 200;

export class Recounts implements AsyncDisposable {
  readonly #parts: RecountParts;
  readonly #stop = new AbortController();
  /** The count that was asked for last: the next one begins when it is over. */
  #counting: Promise<unknown> = Promise.resolve();
  #cancel: CancelTimer = () => {};

  constructor(parts: RecountParts) {
    this.#parts = parts;
  }

  /** Looks from now on whether a count is due. */
  start(): void {
    if (this.#stop.signal.aborted) return;
    this.#cancel = this.#parts.clock.after(
      lookEveryMs,
      () => void this.countIfDue().then(() => this.start()),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#cancel();
    await this.#counting;
  }

  /**
   * Counts what `user` has, or all have (`null`). `onCounted` hears now and then how many uploads were found. Rejects when not all of
   * them could be looked at: then nothing is different.
   */
  count(
    user: string | null,
    signal: AbortSignal,
    onCounted?: (uploads: number) => void,
  ): Promise<readonly Recount[]> {
    const either = AbortSignal.any([signal, this.#stop.signal]);
    const counting = this.#counting.then(() => this.#count(user, either, onCounted));
    this.#counting = counting.catch(() => {});
    return counting;
  }

  /** Counts where somebody has a quota who was not counted for a day. Never rejects. */
  async countIfDue(): Promise<void> {
    const { logger, leads } = this.#parts;
    try {
      if (leads?.() === false || !(await this.#isDue())) return;
      const all = await this.count(null, this.#stop.signal);
      const changed = all.filter(({ before, now }) => before.stored !== now.stored);
      logger.log("info", "Counted what users have stored", { users: all.length, changed: changed.length });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      logger.log("warn", "What users have stored could not be counted", { reason: messageOf(error) });
    }
  }

  async #isDue(): Promise<boolean> {
    const { clock, rulesOf } = this.#parts;
    const before = new Date(clock.date().getTime() - dayMs).toISOString();
    for await (const { user, countedAt } of this.usages()) {
      const isOld = countedAt === null || countedAt < before;
      if (isOld && quotasOf(user, rulesOf(user).limits).length > 0) return true;
    }
    return false;
  }

  /** All who have anything, in the order of their names. */
  async *usages(): AsyncGenerator<UserUsage, void> {
    for (let after: string | null = null; ; ) {
      const page: readonly UserUsage[] = await this.#parts.catalogue.usages(after, pageUsers);
      yield* page;
      if (page.length < pageUsers) return;
      after = page.at(-1)?.user ?? null;
    }
  }

  async #count(
    user: string | null,
    signal: AbortSignal,
    onCounted: (uploads: number) => void = () => {},
  ): Promise<readonly Recount[]> {
    const { catalogue, clock } = this.#parts;
    const since = clock.date().toISOString();
    // Calls take effect in their order: what was stored before this moment has its record when the catalogue has answered.
    await catalogue.usages(null, 1);
    const found = await this.#find(user, since, signal, onCounted);
    const users = user === null ? (await Array.fromAsync(this.usages())).map((it) => it.user) : [user];
    const counts: Recount[] = [];
    for (const it of new Set([...users, ...found.keys()])) {
      signal.throwIfAborted();
      const at = clock.date().toISOString();
      const before = await catalogue.recount(it, found.get(it) ?? { stored: 0, files: 0 }, since, at);
      const { stored, files } = await catalogue.usageOf(it);
      counts.push({ user: it, before, now: { stored, files } });
    }
    return counts;
  }

  /** What lies there of uploads that were stored before `since`, by user. */
  async #find(
    user: string | null,
    since: string,
    signal: AbortSignal,
    onCounted: (uploads: number) => void,
  ): Promise<ReadonlyMap<string, Counted>> {
    const { catalogue, logger, published } = this.#parts;
    const turns = new Turns(looksPerTurn, signal);
    const found = new Map<string, Counted>();
    let [uploads, unreadable] = [0, 0];
    const log: Logger = {
      log(level, message, fields) {
        unreadable++;
        logger.log(level, message, fields);
      },
    };
    for await (const upload of published(log)) {
      await turns.step();
      onCounted(++uploads);
      if (user !== null && upload.user !== user) continue;
      const record = await catalogue.get(upload.id);
      // What is being published is counted when that has ended.
      const isLater = record?.state === "finished" && (record.storedAt ?? record.updatedAt) >= since;
      if (isLater || record?.state === "publishing") continue;
      const { stored, files } = found.get(upload.user) ?? { stored: 0, files: 0 };
      found.set(upload.user, { stored: stored + upload.size, files: files + 1 });
    }
    if (unreadable === 0) return found;
    throw new DyncError(
      "not-ready",
      "Not all folders of the data folder could be read: nothing is counted anew",
      {
        hint: "the server's log says which",
      },
    );
  }
}
