// What became of refused keys at a server since that was written down last. Of a flood no more is held than of the keys themselves.

import { dropOldest } from "../base/drop-oldest.ts";
import type { PendingState } from "../catalogue/servers.ts";
import type { PublicKey } from "../keys/key.ts";
import { PendingKeys, pendingKeysMax } from "./pending-keys.ts";

/** What changes may be made to. */
interface Changeable {
  forget(key: string): void;
  add(state: PendingState): void;
}

export class PendingChanges {
  readonly #noted = new PendingKeys();
  /** Texts of keys that were let in before any of these was noted. */
  readonly #forgotten = new Set<string>();

  get isEmpty(): boolean {
    const { keys, dismissed } = this.#noted.state;
    return keys.length + dismissed.length + this.#forgotten.size === 0;
  }

  note(key: PublicKey, address: string, now: Date): void {
    this.#noted.note(key, address, now);
  }

  forget(key: string): void {
    this.#noted.forget(key);
    this.#forgotten.add(key);
    dropOldest(this.#forgotten, pendingKeysMax);
  }

  /** Takes over what was noted and dismissed elsewhere, behind what is here. */
  add(state: PendingState): void {
    this.#noted.add(state);
  }

  /** Makes these changes to `target`, behind what it has. */
  applyTo(target: Changeable): void {
    for (const key of this.#forgotten) target.forget(key);
    target.add(this.#noted.state);
  }
}
