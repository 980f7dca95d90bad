// Keys that were refused lately: who looks after the server approves one by its fingerprint, without a file being mailed around.
// Each has proved, in its handshake, that its owner holds the secret half. What anybody can fill is bounded, for each address too,
// so that a flood from one drives out only its own.

import { dropOldest } from "../base/drop-oldest.ts";
import type { PublicKey } from "../keys/key.ts";

export interface PendingKey {
  readonly key: PublicKey;
  /** Where it came from last. */
  readonly address: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** How often it was refused. */
  readonly times: number;
}

const keysMax = 128;
const perAddressMax = 16;

export class PendingKeys {
  /** By the key's text, those that were heard of the longest ago first. */
  readonly #keys = new Map<string, PendingKey>();
  /** How many of them came from each address last: a flood is refused by the hundred thousand, and each one is noted. */
  readonly #counts = new Map<string, number>();

  /** Fingerprints of those that somebody does not want to hear of any more. */
  readonly #dismissed = new Set<string>();

  note(key: PublicKey, address: string, now: Date): void {
    if (this.#dismissed.size > 0 && this.#dismissed.has(key.fingerprint)) return;
    const before = this.#keys.get(key.text);
    this.#forget(before);
    this.#count(address, 1);
    this.#keys.set(key.text, {
      key,
      address,
      firstAt: before?.firstAt ?? now,
      lastAt: now,
      times: (before?.times ?? 0) + 1,
    });
    if ((this.#counts.get(address) ?? 0) > perAddressMax) this.#forgetOldestOf(address);
    else if (this.#keys.size > keysMax) this.#forgetOldestOf(this.#mostFrequent());
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Forgets a key, and does not note it again while this process lives. Returns whether it was known. */
  dismiss(fingerprint: string): boolean {
    const known = [...this.#keys.values()].find(({ key }) => key.fingerprint === fingerprint);
    if (known === undefined) return false;
    this.#forget(known);
    this.#dismissed.add(fingerprint);
    dropOldest(this.#dismissed, keysMax);
    return true;
  }

  /** Those that `isAuthorised` does not know by now, the latest first. */
  list(isAuthorised: (key: string) => boolean): readonly PendingKey[] {
    return [...this.#keys.values()].filter(({ key }) => !isAuthorised(key.text)).toReversed();
  }

  #mostFrequent(): string {
    let [most, count] = ["", 0];
    for (const [address, keys] of this.#counts) if (keys > count) [most, count] = [address, keys];
    return most;
  }

  #forgetOldestOf(address: string): void {
    for (const pending of this.#keys.values()) if (pending.address === address) return this.#forget(pending);
  }

  #forget(pending: PendingKey | undefined): void {
    if (pending === undefined) return;
    this.#keys.delete(pending.key.text);
    this.#count(pending.address, -1);
  }

  #count(address: string, change: 1 | -1): void {
    const count = (this.#counts.get(address) ?? 0) + change;
    if (count === 0) this.#counts.delete(address);
    else this.#counts.set(address, count);
  }
}
