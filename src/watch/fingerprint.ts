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

/** The fingerprint of files that are added one by one. */
export class FingerprintSum {
  #files = 0;
  #bytes = 0;
  #high = 0;
  #low = 0;

  add({ path, size, mtimeMs, id }: SeenFile): void {
    this.#files += 1;
    this.#bytes += size;
    const text = `${path}\0${size}\0${mtimeMs}\0${id}`;
    this.#high = (this.#high + hash(text, highSeed)) >>> 0;
    this.#low = (this.#low + hash(text, lowSeed)) >>> 0;
  }

  get result(): Fingerprint {
    const [files, bytes] = [this.#files, this.#bytes];
    return { files, bytes, text: `${files}-${bytes}-${hex(this.#high)}${hex(this.#low)}` };
  }
}

/** A number of 53 bits, the same for the same text; two texts have one by chance alone. */
export function numberOf(text: string): number {
  return hash(text, highSeed) * 2 ** 21 + (hash(text, lowSeed) >>> 11);
}

const highSeed = 0x811c9dc5;
const lowSeed = 0x9e3779b9;

// FNV-1a, with the last step of Murmur, without which sums of similar texts would be similar. Nobody has to be kept from making two alike.
function hash(text: string, seed: number): number {
  let state = seed;
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
