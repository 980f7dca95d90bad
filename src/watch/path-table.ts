// Very many paths in little memory, each with a number: their letters one after the other in buffers, and a table of hashes to find them by.
// As strings in a map they take five times as much, all of which the garbage collector goes through. Pure.

import { hashOf } from "./fingerprint.ts";

const pageBits = 18;
const pageBytes = 1 << pageBits;
const slotsMin = 128;
const none = 0;
// Of letters that need more than a byte each has two.
const wideFlag = 1 << 31;

export class PathTable {
  /** Of each number but a free one: where its letters are, how many there are, and the hash. */
  #starts: Uint32Array<ArrayBuffer> = new Uint32Array(slotsMin);
  #lengths: Uint32Array<ArrayBuffer> = new Uint32Array(slotsMin);
  #hashes: Uint32Array<ArrayBuffer> = new Uint32Array(slotsMin);
  /** Numbers by hash, each one higher: 0 is none. */
  #slots: Uint32Array<ArrayBuffer> = new Uint32Array(slotsMin);
  #pages: Uint8Array<ArrayBuffer>[] = [];
  #end = 0;
  #wasted = 0;
  readonly #free: number[] = [];
  #numbers = 0;

  get size(): number {
    return this.#numbers - this.#free.length;
  }

  /** All numbers are below that. */
  get numbers(): number {
    return this.#numbers;
  }

  /** Memory of its buffers and tables. */
  get bytes(): number {
    const tables = [this.#starts, this.#lengths, this.#hashes, this.#slots];
    return tables.reduce((sum, { byteLength }) => sum + byteLength, this.#pages.length * pageBytes);
  }

  /** The number of a path; `undefined`: it has none. */
  find(path: string): number | undefined {
    const mask = this.#slots.length - 1;
    const hash = hashOf(path);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]! - 1;
      if (number < 0) return undefined;
      if (this.#hashes[number] === hash && this.#is(number, path)) return number;
    }
  }

  /** Gives a number to a path that has none: the lowest one that was never used, or that of a path that was deleted. */
  add(path: string): number {
    const number = this.#free.pop() ?? this.#numbers++;
    if (number >= this.#starts.length) this.#grow();
    if (2 * this.size > this.#slots.length) this.#rehash(2 * this.#slots.length);
    this.#hashes[number] = hashOf(path);
    this.#write(number, path);
    this.#enter(number);
    return number;
  }

  delete(number: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[number]! & mask;
    while (this.#slots[slot] !== number + 1) slot = (slot + 1) & mask;
    this.#slots[slot] = none;
    // Those behind it were put there because the place was taken.
    for (let next = (slot + 1) & mask; this.#slots[next] !== none; next = (next + 1) & mask) {
      const moved = this.#slots[next]! - 1;
      this.#slots[next] = none;
      this.#enter(moved);
    }
    this.#wasted += this.#bytesOf(number);
    this.#lengths[number] = 0;
    this.#free.push(number);
    if (this.#wasted > pageBytes && 2 * this.#wasted > this.#end) this.#compact();
  }

  /** Whether a number is that of a path. */
  has(number: number): boolean {
    return number < this.#numbers && this.#lengths[number] !== 0;
  }

  /** The path of a number that has one. */
  pathOf(number: number): string {
    const length = this.#lengths[number]!;
    const [isWide, letters] = [(length & wideFlag) !== 0, length & ~wideFlag];
    const units = Array.from({ length: letters }, (_, at) => this.#letter(number, at, isWide));
    return String.fromCharCode(...units);
  }

  #is(number: number, path: string): boolean {
    const length = this.#lengths[number]!;
    if ((length & ~wideFlag) !== path.length) return false;
    const isWide = (length & wideFlag) !== 0;
    for (let at = 0; at < path.length; at++)
      if (this.#letter(number, at, isWide) !== path.charCodeAt(at)) return false;
    return true;
  }

  #letter(number: number, at: number, isWide: boolean): number {
    const from = this.#starts[number]! + (isWide ? 2 * at : at);
    return isWide ? this.#byte(from) | (this.#byte(from + 1) << 8) : this.#byte(from);
  }

  #byte(at: number): number {
    return this.#pages[at >>> pageBits]![at & (pageBytes - 1)]!;
  }

  #bytesOf(number: number): number {
    const length = this.#lengths[number]!;
    return (length & wideFlag) === 0 ? length : 2 * (length & ~wideFlag);
  }

  #write(number: number, path: string): void {
    let isWide = false;
    for (let at = 0; at < path.length && !isWide; at++) isWide = path.charCodeAt(at) > 0xff;
    this.#starts[number] = this.#end;
    this.#lengths[number] = isWide ? (path.length | wideFlag) >>> 0 : path.length;
    for (let at = 0; at < path.length; at++) {
      const letter = path.charCodeAt(at);
      this.#append(letter & 0xff);
      if (isWide) this.#append(letter >>> 8);
    }
  }

  #append(byte: number): void {
    const page = this.#end >>> pageBits;
    this.#pages[page] ??= new Uint8Array(pageBytes);
    this.#pages[page]![this.#end & (pageBytes - 1)] = byte;
    this.#end += 1;
  }

  #enter(number: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[number]! & mask;
    while (this.#slots[slot] !== none) slot = (slot + 1) & mask;
    this.#slots[slot] = number + 1;
  }

  #rehash(slots: number): void {
    this.#slots = new Uint32Array(slots);
    for (let number = 0; number < this.#numbers; number++) if (this.has(number)) this.#enter(number);
  }

  #grow(): void {
    const numbers = Math.ceil(1.5 * this.#starts.length);
    const grown = (before: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
      const larger = new Uint32Array(numbers);
      larger.set(before);
      return larger;
    };
    this.#starts = grown(this.#starts);
    this.#lengths = grown(this.#lengths);
    this.#hashes = grown(this.#hashes);
  }

  /** Writes all letters anew, without those of paths that were deleted. */
  #compact(): void {
    const before = this.#pages;
    const old = (at: number): number => before[at >>> pageBits]![at & (pageBytes - 1)]!;
    [this.#pages, this.#end, this.#wasted] = [[], 0, 0];
    for (let number = 0; number < this.#numbers; number++) {
      const [from, bytes] = [this.#starts[number]!, this.#bytesOf(number)];
      this.#starts[number] = this.#end;
      for (let at = 0; at < bytes; at++) this.#append(old(from + at));
    }
  }
}
