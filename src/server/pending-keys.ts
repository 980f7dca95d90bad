// Keys that were refused lately: who looks after the server approves one by its fingerprint, without a file being mailed around.
// Each has proved, in its handshake, that its owner holds the secret half. What anybody can fill is bounded, for each address too,
// so that a flood from one drives out only its own.

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

  note(key: PublicKey, address: string, now: Date): void {
    const before = this.#keys.get(key.text);
    this.#keys.delete(key.text);
    this.#keys.set(key.text, {
      key,
      address,
      firstAt: before?.firstAt ?? now,
      lastAt: now,
      times: (before?.times ?? 0) + 1,
    });
    if (this.#of(address).length > perAddressMax) this.#forgetOldestOf(address);
    else if (this.#keys.size > keysMax) this.#forgetOldestOf(this.#mostFrequent());
  }

  /** Those that `isAuthorised` does not know by now, the latest first. */
  list(isAuthorised: (key: string) => boolean): readonly PendingKey[] {
    return [...this.#keys.values()].filter(({ key }) => !isAuthorised(key.text)).toReversed();
  }

  #of(address: string): readonly PendingKey[] {
    return [...this.#keys.values()].filter((it) => it.address === address);
  }

  #mostFrequent(): string {
    const counts = new Map<string, number>();
    for (const { address } of this.#keys.values()) counts.set(address, (counts.get(address) ?? 0) + 1);
    const [most] = [...counts].toSorted(([, a], [, b]) => b - a);
    return most?.[0] ?? "";
  }

  #forgetOldestOf(address: string): void {
    const [oldest] = this.#of(address);
    if (oldest !== undefined) this.#keys.delete(oldest.key.text);
  }
}
