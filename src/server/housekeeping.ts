// What the server does every minute: expires uploads whose client never came back, and stored bytes that no record
// knows, and forgets old records. All of it in small pieces, however much there is: uploads go on meanwhile.
// Ages are calendar time, which can jump; therefore an upload also has to be waiting for a while in the life of this
// process before it is given up, and a jump of the clock starts that while anew.

import { CalendarShift } from "../base/calendar-shift.ts";
import { errorMeanings } from "../base/error.ts";
import { Turns } from "../base/turns.ts";
import type { UploadRecord, UploadState } from "../catalogue/catalogue.ts";
import { daysText } from "../config/duration.ts";
import type { ProcessSettings, RulesOf } from "../config/server-settings.ts";
import { giveUp, type RecoveryParts } from "./recovery.ts";
import { deleteRemains } from "./remains.ts";

const jumpMs = 10 * 60_000;
const watchedMsMax = 10 * 60_000;
// Walking through 20,000 partials takes half a second of work; what it finds is in nobody's way.
const remainsEveryMs = 10 * 60_000;
// Counting 100,000 records takes some milliseconds for each user.
const trimEveryMs = 60 * 60_000;
const pageRecords = 100;
// Removing so many records takes some milliseconds.
const recordsPerStep = 200;

export interface HousekeepingParts extends RecoveryParts {
  readonly options: Pick<ProcessSettings, "expireMs" | "rememberMs" | "instrumentsForgottenMs">;
  readonly rulesOf: RulesOf;
}

export class Housekeeping {
  readonly #parts: HousekeepingParts;
  readonly #isActive: (id: string) => boolean;
  /** When uploads that are old by the calendar had a client last; monotonic ms. */
  readonly #activeAt = new Map<string, number>();
  /** Since when the calendar can be believed; monotonic ms. */
  #since: number;
  readonly #shift: CalendarShift;
  #remainsAt = Number.NEGATIVE_INFINITY;
  #trimAt: number;
  #toldOrphans = false;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: HousekeepingParts, isActive: (id: string) => boolean) {
    this.#parts = parts;
    this.#isActive = isActive;
    this.#since = parts.clock.now();
    this.#trimAt = this.#since;
    this.#shift = new CalendarShift(parts.clock);
  }

  /** Does what is due. One run at a time. */
  run(): Promise<void> {
    const running = this.#run();
    this.#running = running.catch(() => {});
    return running;
  }

  /** Ends the run that is under way, and lets no other begin. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  async #work(): Promise<void> {
    const { catalogue, clock } = this.#parts;
    const jumped = Math.abs(this.#shift.look()) > jumpMs;
    if (jumped) this.#since = clock.now();
    await this.#expire("open");
    await this.#expire("publishing");
    await this.#deleteRemains();
    if (!jumped) await this.#forget();
    const turns = new Turns(1, this.#stop.signal);
    while (await catalogue.compact()) await turns.step();
  }

  async #expire(state: UploadState): Promise<void> {
    const { catalogue, clock } = this.#parts;
    for (const [id, at] of this.#activeAt) if (clock.now() - at > watchedMsMax) this.#activeAt.delete(id);
    const turns = new Turns(1, this.#stop.signal);
    const before = this.#dateBefore(this.#parts.options.expireMs);
    for (let last: UploadRecord | null = null; ; await turns.step()) {
      const page = await catalogue.unchanged(state, before, last, pageRecords);
      for (const record of page) {
        this.#stop.signal.throwIfAborted();
        await this.#expireOne(record);
      }
      if (page.length < pageRecords) return;
      last = page.at(-1) as UploadRecord;
    }
  }

  async #expireOne(record: UploadRecord): Promise<void> {
    const { catalogue, clock } = this.#parts;
    const { id, updatedAt } = record;
    // Its client may have come back while the one before it was put away.
    if (this.#isActive(id)) return void this.#activeAt.set(id, clock.now());
    if (!this.#isWatched(id) || (await catalogue.get(id))?.updatedAt !== updatedAt) return;
    const reason = `Expired: nothing was heard for ${daysText(this.#parts.options.expireMs)}`;
    await giveUp(record, errorMeanings["timed-out"].wire, reason, this.#parts);
  }

  async #deleteRemains(): Promise<void> {
    const { clock, logger } = this.#parts;
    if (clock.now() - this.#remainsAt < remainsEveryMs) return;
    this.#remainsAt = clock.now();
    const expireBefore = clock.date().getTime() - this.#parts.options.expireMs;
    const orphans = await deleteRemains(this.#parts, {
      isActive: this.#isActive,
      isExpired: (writtenAt) => writtenAt.getTime() < expireBefore && this.#isWatched(null),
      signal: this.#stop.signal,
    });
    if (orphans === 0 || this.#toldOrphans) return;
    this.#toldOrphans = true;
    const message = "Stored bytes that belong to no known upload are kept until they expire";
    logger.log("warn", message, { uploads: orphans });
  }

  async #forget(): Promise<void> {
    const { catalogue, clock } = this.#parts;
    const before = this.#dateBefore(this.#parts.options.rememberMs);
    const turns = new Turns(1, this.#stop.signal);
    while ((await catalogue.forget(before, recordsPerStep)) === recordsPerStep) await turns.step();
    await catalogue.instruments.forget(this.#dateBefore(this.#parts.options.instrumentsForgottenMs));
    if (clock.now() - this.#trimAt < trimEveryMs) return;
    this.#trimAt = clock.now();
    const next = async (after: string | null) => (await catalogue.users(after, 1))[0];
    for (let user = await next(null); user !== undefined; user = await next(user)) {
      const { failedPerUser, finishedPerUser } = this.#parts.rulesOf(user);
      for (const [state, keep] of [
        ["failed", failedPerUser],
        ["finished", finishedPerUser],
      ] as const) {
        while ((await catalogue.trim(user, state, keep, recordsPerStep)) === recordsPerStep)
          await turns.step();
      }
      await turns.step();
    }
  }

  #isWatched(id: string | null): boolean {
    const since = Math.max(this.#since, (id === null ? undefined : this.#activeAt.get(id)) ?? this.#since);
    return this.#parts.clock.now() - since >= Math.min(this.#parts.options.expireMs, watchedMsMax);
  }

  #dateBefore(ageMs: number): string {
    // Nothing is older than 1970: who never forgets says so with a very long time.
    return new Date(Math.max(0, this.#parts.clock.date().getTime() - ageMs)).toISOString();
  }
}
