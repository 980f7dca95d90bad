// Which version of each file and folder a listing saw, 24 bytes each.

import type { BigIntStats } from "node:fs";

/** By what one version of a file is told from another, beside its size. Times are nanoseconds since 1970. */
export interface EntryVersion {
  readonly modified: bigint;
  /** When content, name or permissions last changed; unlike `modified` it cannot be set. */
  readonly changed: bigint;
  readonly inode: bigint;
}

const perPage = 4096;
const fields = 3;

/** Versions by index; they only grow in number. */
export class Versions {
  readonly #pages: BigInt64Array[] = [];
  #length = 0;

  push({ modified, changed, inode }: EntryVersion): void {
    const place = (this.#length++ % perPage) * fields;
    if (place === 0) this.#pages.push(new BigInt64Array(perPage * fields));
    this.#pages.at(-1)!.set([modified, changed, BigInt.asIntN(64, inode)], place);
  }

  at(index: number): EntryVersion {
    const [page, place] = this.#placeOf(index);
    return { modified: page[place]!, changed: page[place + 1]!, inode: BigInt.asUintN(64, page[place + 2]!) };
  }

  /** The time of change moved, and nothing else did. */
  setChanged(index: number, changed: bigint): void {
    const [page, place] = this.#placeOf(index);
    page[place + 1] = changed;
  }

  #placeOf(index: number): readonly [page: BigInt64Array, place: number] {
    return [this.#pages[Math.floor(index / perPage)]!, (index % perPage) * fields];
  }
}

export function entryVersionOf(stats: BigIntStats): EntryVersion {
  return { modified: stats.mtimeNs, changed: stats.ctimeNs, inode: inodeOf(stats) };
}

/** The number of a file, within 64 bits. */
export function inodeOf({ ino }: BigIntStats): bigint {
  return BigInt.asUintN(64, ino);
}

/** Whether a dataset says of a file that it can be executed: its owner may. */
export function isExecutable({ mode }: BigIntStats): boolean {
  return (mode & 0o100n) !== 0n;
}
