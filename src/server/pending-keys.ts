// Keys that were refused lately: who looks after the server approves one by its fingerprint, without a file being mailed around.
// Each has proved, in its handshake, that its owner holds the secret half. What anybody can fill is bounded, for each address too,
// so that a flood from one drives out only its own.

import { dropOldest } from "../base/drop-oldest.ts";
import type { PendingState } from "../catalogue/servers.ts";
import { PublicKey } from "../keys/key.ts";

export interface PendingKey {
  readonly key: PublicKey;
  /** Where it came from last. */
  readonly address: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** How often it was refused. */
  readonly times: number;
}

/** No more keys than these are known, and dismissed ones. */
export const pendingKeysMax = 128;
const perAddressMax = 16;

export class PendingKeys {
  /** By the key's text, those that were heard of the longest ago first. */
  readonly #keys = new Map<string, PendingKey>();
  /** How many of them came from each address last: a flood is refused by the hundred thousand, and each one is noted. */
  readonly #counts = new Map<string, number>();

  /** Fingerprints of those that somebody does not want to hear of any more. */
  readonly #dismissed = new Set<string>();

  note(key: PublicKey, address: string, now: Date): void {
    if (this.isDismissed(key)) return;
    this.#put({ key, address, firstAt: now, lastAt: now, times: 1 });
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  isDismissed(key: PublicKey): boolean {
    return this.#dismissed.size > 0 && this.#dismissed.has(key.fingerprint);
  }

  /** Forgets a key, and does not note it again as long as this is remembered. Returns whether it was known. */
  dismiss(fingerprint: string): boolean {
    const known = [...this.#keys.values()].find(({ key }) => key.fingerprint === fingerprint);
    if (known === undefined) return false;
    this.#forget(known);
    this.#dismiss(fingerprint);
    return true;
  }

  /** Forgets the key of that text. */
  forget(key: string): void {
    this.#forget(this.#keys.get(key));
  }

  /** Forgets those that `isAuthorised` knows by now; returns their texts. */
  forgetAuthorised(isAuthorised: (key: string) => boolean): readonly string[] {
    const known = [...this.#keys.keys()].filter(isAuthorised);
    for (const key of known) this.forget(key);
    return known;
  }

  /** Those that `isAuthorised` does not know by now, the latest first. */
  list(isAuthorised: (key: string) => boolean): readonly PendingKey[] {
    return [...this.#keys.values()].filter(({ key }) => !isAuthorised(key.text)).toReversed();
  }

  /** All that is remembered. */
  get state(): PendingState {
    const keys = [...this.#keys.values()].map(({ key, address, firstAt, lastAt, times }) => ({
      ...{ key: key.text, address, times },
      ...{ firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() },
    }));
    return { keys, dismissed: [...this.#dismissed] };
  }

  /** Takes over what was remembered elsewhere, as what comes behind what is known here. What is no key is left out. */
  add({ keys, dismissed }: PendingState): void {
    for (const fingerprint of dismissed) if (!this.dismiss(fingerprint)) this.#dismiss(fingerprint);
    for (const { key: text, address, firstAt, lastAt, times } of keys) {
      const key = PublicKey.parse(text);
      if (key === null || this.isDismissed(key)) continue;
      this.#put({ key, address, firstAt: new Date(firstAt), lastAt: new Date(lastAt), times });
    }
  }

  /** Forgets all, and remembers this instead. */
  replace(state: PendingState): void {
    for (const known of [this.#keys, this.#counts, this.#dismissed]) known.clear();
    this.add(state);
  }

  #dismiss(fingerprint: string): void {
    this.#dismissed.add(fingerprint);
    dropOldest(this.#dismissed, pendingKeysMax);
  }

  /** It was refused again, so many times, behind all others. */
  #put(it: PendingKey): void {
    const before = this.#keys.get(it.key.text);
    this.#forget(before);
    this.#count(it.address, 1);
    const { firstAt, times } = before ?? { firstAt: it.firstAt, times: 0 };
    this.#keys.set(it.key.text, { ...it, firstAt, times: times + it.times });
    if ((this.#counts.get(it.address) ?? 0) > perAddressMax) this.#forgetOldestOf(it.address);
    else if (this.#keys.size > pendingKeysMax) this.#forgetOldestOf(this.#mostFrequent());
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
