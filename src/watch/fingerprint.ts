// What tells one state of an entry from another: how many files it has, how many bytes, and a sum over the path, size, time and id of
// each. The sum is the same in whichever order a system lists them, and takes no memory however many there are. Pure.

import type { SeenFile } from "./completion.ts";

/** A state of an entry. */
export interface Fingerprint {
  readonly files: number;
  readonly bytes: number;
  /** The same for two states in which nothing differs: to be compared, and kept. */
  readonly text: string;
}

/** A fingerprint whose text is only made where somebody wants it: of most entries nobody does, and they are very many. */
class Summed implements Fingerprint {
  readonly files: number;
  readonly bytes: number;
  readonly #high: number;
  readonly #low: number;

  constructor(files: number, bytes: number, high: number, low: number) {
    this.files = files;
    this.bytes = bytes;
    this.#high = high;
    this.#low = low;
  }

  get text(): string {
    const hex = (word: number): string => word.toString(16).padStart(8, "0");
    return `${this.files}-${this.bytes}-${hex(this.#high)}${hex(this.#low)}`;
  }

  /** That of `text`, as `numberOf` has it. */
  get number(): number {
    return numberBy((seed) => {
      let state = withInteger(seed, this.files);
      state = withInteger(withUnit(state, dash), this.bytes);
      return withHex(withHex(withUnit(state, dash), this.#high), this.#low);
    });
  }
}

/** The fingerprint of files that are added one by one. */
export class FingerprintSum {
  #files = 0;
  #bytes = 0;
  #high = 0;
  #low = 0;

  add({ path, size, mtimeMs, id }: SeenFile): void {
    this.#files += 1;
    this.#bytes += size;
    const time = String(mtimeMs);
    // Of `path`, `size`, `mtimeMs` and `id` with "\0" between them.
    const hashed = (seed: number): number => {
      let state = withInteger(withUnit(withText(seed, path), 0), size);
      state = withText(withUnit(state, 0), time);
      return mixed(withText(withUnit(state, 0), id));
    };
    this.#high = (this.#high + hashed(highSeed)) >>> 0;
    this.#low = (this.#low + hashed(lowSeed)) >>> 0;
  }

  get result(): Fingerprint {
    return new Summed(this.#files, this.#bytes, this.#high, this.#low);
  }
}

/** A number of 53 bits, the same for the same text; two texts have one by chance alone. */
export function numberOf(text: string): number {
  return numberBy((seed) => withText(seed, text));
}

/** `numberOf` the text of a fingerprint. */
export function numberOfFingerprint(fingerprint: Fingerprint): number {
  return fingerprint instanceof Summed ? fingerprint.number : numberOf(fingerprint.text);
}

/** A number of 32 bits, as `numberOf`. */
export function hashOf(text: string): number {
  return mixed(withText(highSeed, text));
}

function numberBy(hashed: (seed: number) => number): number {
  return mixed(hashed(highSeed)) * 2 ** 21 + (mixed(hashed(lowSeed)) >>> 11);
}

const highSeed = 0x811c9dc5;
const lowSeed = 0x9e3779b9;
const dash = 0x2d;
const zero = 0x30;

// FNV-1a, with the last step of Murmur, without which sums of similar texts would be similar. Nobody has to be kept from making two alike.
function withUnit(state: number, unit: number): number {
  return Math.imul(state ^ unit, 0x01000193);
}

function withText(seed: number, text: string): number {
  let state = seed;
  for (let at = 0; at < text.length; at++) state = withUnit(state, text.charCodeAt(at));
  return state;
}

/** With the digits of a whole number, as its text has them. */
function withInteger(seed: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) return withText(seed, String(value));
  let divisor = 1;
  while (Math.floor(value / divisor) >= 10) divisor *= 10;
  let state = seed;
  for (; divisor >= 1; divisor /= 10) state = withUnit(state, zero + (Math.floor(value / divisor) % 10));
  return state;
}

/** With the eight hexadecimal digits of a number of 32 bits. */
function withHex(seed: number, word: number): number {
  let state = seed;
  for (let shift = 28; shift >= 0; shift -= 4) {
    const digit = (word >>> shift) & 0xf;
    state = withUnit(state, digit < 10 ? zero + digit : 0x57 + digit);
  }
  return state;
}

function mixed(hashed: number): number {
  let state = Math.imul(hashed ^ (hashed >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
