// Random numbers from a seed, the same on every machine: every choice of the simulation is drawn here. Streams that
// are forked by name do not disturb each other, so that one more draw in one place does not change all others.

import { assert } from "../../src/base/assert.ts";

export class Random {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = seed;
    // Seeds beside each other have to give streams that have nothing in common.
    this.#state = mix(mix(seed >>> 0) ^ Math.floor(seed / 2 ** 32));
  }

  /** A stream of its own for `name`. */
  fork(name: string): Random {
    let state = mix(this.#seed >>> 0) ^ Math.floor(this.#seed / 2 ** 32);
    for (let i = 0; i < name.length; i++) state = mix(state ^ name.charCodeAt(i));
    return new Random(state >>> 0);
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    return (mix(this.#state) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `count` - 1. */
  int(count: number): number {
    assert(count >= 1, "there is something to choose from");
    return Math.floor(this.next() * count);
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + this.int(max - min + 1);
  }

  /** Between `min` and `max`, every order of magnitude as likely as any other. */
  magnitude(min: number, max: number): number {
    return min * (max / min) ** this.next();
  }

  /** A waiting time with this mean, as between independent accidents. */
  interval(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)] as T;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.int(256);
    return bytes;
  }
}

function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
