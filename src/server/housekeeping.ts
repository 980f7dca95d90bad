// What the server does every minute: expires uploads whose client never came back, and stored bytes that no record
// knows, and forgets old records.
// Ages are calendar time, which can jump; therefore an upload also has to be seen waiting for a while by this
// process before it is given up, and a jump of the clock starts that while anew.

import { daysText, type ServerOptions } from "./options.ts";
import { deleteOrphan, giveUp, listOrphans, type RecoveryParts } from "./recovery.ts";

const jumpMs = 10 * 60_000;
const watchedMsMax = 10 * 60_000;

export class Housekeeping {
  readonly #parts: RecoveryParts;
  readonly #options: Pick<ServerOptions, "expireMs" | "rememberMs">;
  readonly #isActive: (id: string) => boolean;
  readonly #onGivenUp: (id: string) => void;
  readonly #waitingSince = new Map<string, number>();
  #offsetMs: number;

  constructor(
    parts: RecoveryParts,
    options: Pick<ServerOptions, "expireMs" | "rememberMs">,
    uploads: { isActive: (id: string) => boolean; onGivenUp: (id: string) => void },
  ) {
    this.#parts = parts;
    this.#options = options;
    this.#isActive = uploads.isActive;
    this.#onGivenUp = uploads.onGivenUp;
    this.#offsetMs = this.#offset();
  }

  async run(): Promise<void> {
    const { catalogue, clock } = this.#parts;
    const offset = this.#offset();
    const jumped = Math.abs(offset - this.#offsetMs) > jumpMs;
    this.#offsetMs = offset;
    if (jumped) this.#waitingSince.clear();
    const orphans = (await listOrphans(this.#parts)).filter(({ id }) => !this.#isActive(id));
    const records = catalogue.list(["open", "publishing"]).filter(({ id }) => !this.#isActive(id));
    const ids = new Set([...orphans, ...records].map(({ id }) => id));
    for (const id of this.#waitingSince.keys()) if (!ids.has(id)) this.#waitingSince.delete(id);
    for (const { id, writtenAt } of orphans) {
      if (this.#isExpired(id, writtenAt.getTime())) await deleteOrphan(id, this.#parts);
    }
    for (const record of records) {
      // Its client may have come back while the one before it was put away.
      if (this.#isActive(record.id) || !this.#isExpired(record.id, Date.parse(record.updatedAt))) continue;
      await giveUp(
        record,
        408,
        `Expired: nothing was heard for ${daysText(this.#options.expireMs)}`,
        this.#parts,
      );
      this.#onGivenUp(record.id);
    }
    if (!jumped) catalogue.forget(new Date(clock.date().getTime() - this.#options.rememberMs).toISOString());
  }

  #isExpired(id: string, changedMs: number): boolean {
    const { clock } = this.#parts;
    const since = this.#waitingSince.get(id);
    if (since === undefined) this.#waitingSince.set(id, clock.now());
    const watchedMs = since === undefined ? 0 : clock.now() - since;
    const ageMs = clock.date().getTime() - changedMs;
    const { expireMs } = this.#options;
    return ageMs > expireMs && watchedMs >= Math.min(expireMs, watchedMsMax);
  }

  #offset(): number {
    return this.#parts.clock.date().getTime() - this.#parts.clock.now();
  }
}
