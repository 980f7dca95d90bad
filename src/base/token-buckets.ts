// A token bucket for each of many: of whom nothing was heard for so long that theirs is full, nothing is remembered.

import { TokenBucket } from "./token-bucket.ts";

export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  /** The one that was asked for last is at the end. */
  readonly #buckets = new Map<string, TokenBucket>();

  /** Each as `new TokenBucket(perSecond, burst)`. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The bucket of `name`, to be taken from at `now` (monotonic ms). */
  of(name: string, now: number): TokenBucket {
    const bucket = this.#buckets.get(name) ?? new TokenBucket(this.#perSecond, this.#burst);
    this.#buckets.delete(name);
    for (const [other, known] of this.#buckets) {
      if (!known.isFull(now)) break;
      this.#buckets.delete(other);
    }
    this.#buckets.set(name, bucket);
    return bucket;
  }
}
