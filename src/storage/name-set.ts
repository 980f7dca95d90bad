// A set of names in some 50 bytes each: of every name a number of 53 bits is kept, by which it is known again. A string costs 170 bytes and more in such
// a set, and a server has the names of all folders that it publishes in.
//
// Two names of one number would be taken for one. Of half a million names that happens to one new name in 10^10; and nobody can look for such
// names, since the numbers are others in each process.

const seeds = crypto.getRandomValues(new Uint32Array(2));
const lowBits = 32;
const highMask = 0x1f_ffff;

export class NameSet {
  readonly #numbers = new Set<number>();

  /** Of `names`. */
  constructor(names: Iterable<string> = []) {
    for (const name of names) this.add(name);
  }

  get size(): number {
    return this.#numbers.size;
  }

  add(name: string): void {
    this.#numbers.add(numberOf(name));
  }

  has(name: string): boolean {
    return this.#numbers.has(numberOf(name));
  }
}

/** Two hashes of 32 bits, mixed at the end so that each bit depends on all of the name (the last steps of MurmurHash3). */
function numberOf(name: string): number {
  let [low, high] = seeds as unknown as [number, number];
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x9e37_79b1);
    low ^= low >>> 15;
    high = Math.imul(high ^ unit, 0x85eb_ca6b);
    high ^= high >>> 13;
  }
  return (mixed(high ^ name.length) & highMask) * 2 ** lowBits + (mixed(low) >>> 0);
}

function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}
