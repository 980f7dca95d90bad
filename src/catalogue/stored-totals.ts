// What was stored in one transaction, by user: a total is written once for each, however many uploads of theirs are in it.

import type { UploadRecord } from "./catalogue.ts";
import type { Counted } from "./quota.ts";

/** What is added to a user's total. */
export interface StoredTotal extends Counted {
  readonly user: string;
  readonly lastAt: string;
}

export class StoredTotals {
  readonly #byUser = new Map<string, StoredTotal>();

  /** This upload was stored. */
  add({ user, bytes, updatedAt: at }: Pick<UploadRecord, "user" | "bytes" | "updatedAt">): void {
    const { stored, files, lastAt } = this.#byUser.get(user) ?? { stored: 0, files: 0, lastAt: at };
    this.#byUser.set(user, {
      ...{ user, stored: stored + bytes, files: files + 1 },
      lastAt: at > lastAt ? at : lastAt,
    });
  }

  /** All totals; from now on there are none. */
  take(): readonly StoredTotal[] {
    const all = [...this.#byUser.values()];
    this.#byUser.clear();
    return all;
  }
}
