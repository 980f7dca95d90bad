// Keys that servers refused and share, in memory.

import { DyncError } from "../../../src/base/error.ts";
import type { PendingState, SharedPendingKeys } from "../../../src/catalogue/servers.ts";

export class MemoryPendingKeys implements SharedPendingKeys {
  #state: PendingState = { keys: [], dismissed: [] };
  /** As a database that nobody reaches. */
  isAway = false;
  /** How long a change takes; may reject as a database that goes away meanwhile. */
  before: () => Promise<void> = async () => {};
  reads = 0;
  /** How often it was changed. */
  changes = 0;

  async read(): Promise<PendingState> {
    this.#assertThere();
    this.reads++;
    return this.#state;
  }

  async change(judge: (shared: PendingState) => PendingState): Promise<PendingState> {
    this.#assertThere();
    await this.before();
    this.changes++;
    const { keys, dismissed } = judge(this.#state);
    this.#state = { keys: keys.toSorted((one, other) => (one.lastAt < other.lastAt ? -1 : 1)), dismissed };
    return { keys, dismissed };
  }

  #assertThere(): void {
    if (this.isAway) throw new DyncError("not-ready", "The server's catalogue cannot be reached");
  }
}
