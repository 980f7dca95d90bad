// The SHA-256 of a stream whose beginning nobody can read again: its state is written down at the end of each chunk that is sent, so that a later
// process goes on with it wherever the server wants to go on, and reads nothing again. What is only read ahead is another matter: where it is
// never sent, what was sent before in its place still counts. The file is a hint, like all that is remembered of an upload: what a crash of the
// system leaves of it is found out, and a wrong state would be a checksum that the server does not confirm.

import { hash } from "node:crypto";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { createSHA256, type IHasher } from "hash-wasm";
import { assert } from "../../base/assert.ts";
import { systemCode } from "../../base/error.ts";

const positionBytes = 8;
/** What `hash-wasm` saves of SHA-256, with four bytes by which it knows its own. */
const stateBytes = 116;
const checkBytes = 8;
const recordBytes = positionBytes + stateBytes + checkBytes;
// A MiB of memory, and of the disk. Of the newer half all stay, since a server goes back to what it had a moment ago; of the older ones some,
// evenly: a server that lost what it had not synced has the client read again what lies between two.
const recordsMax = 8192;

interface Kept {
  readonly position: number;
  readonly state: Uint8Array;
}

export class SavedHash {
  readonly #hasher: IHasher;
  readonly #descriptor: number;
  /** Of what was sent: in the order of their positions, as in the file. */
  #kept: Kept[];
  /** Of what was read behind that, in the same order, and is not sent yet. */
  #ahead: Kept[] = [];
  #position = 0;
  #isClosed = false;

  private constructor(hasher: IHasher, descriptor: number) {
    this.#hasher = hasher.init();
    this.#descriptor = descriptor;
    this.#kept = readAll(descriptor);
    ftruncateSync(descriptor, this.#kept.length * recordBytes);
  }

  /** Opens the file with the states, or makes it. Throws the system's error. */
  static async open(file: string): Promise<SavedHash> {
    const hasher = await createSHA256();
    return new SavedHash(hasher, openSync(file, "a+", 0o600));
  }

  /** Bytes that were hashed, from the beginning. */
  get position(): number {
    return this.#position;
  }

  /** Where the last state is that was written down; 0 without any. */
  get #furthest(): number {
    return this.#kept.at(-1)?.position ?? 0;
  }

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
    this.#position += bytes.length;
  }

  /** Remembers the state as it is now, until it is known whether what was hashed is sent. */
  note(): void {
    if (this.#position > (this.#ahead.at(-1)?.position ?? 0))
      this.#ahead.push({ position: this.#position, state: this.#hasher.save() });
  }

  /** What was hashed between `offset` and `end` is sent, in the place of what was sent there before. Throws the system's error. */
  sent(offset: number, end: number): void {
    // What was being read when it was closed has another descriptor's number by now.
    if (this.#isClosed) return;
    this.#cut(countBefore(this.#kept, offset));
    const later = this.#ahead.findIndex(({ position }) => position > end);
    const sent = this.#ahead.splice(0, later < 0 ? this.#ahead.length : later);
    for (const kept of sent) if (kept.position > this.#furthest) this.#keep(kept);
  }

  #cut(count: number): void {
    if (count === this.#kept.length) return;
    this.#kept.length = count;
    ftruncateSync(this.#descriptor, count * recordBytes);
  }

  #keep(kept: Kept): void {
    if (this.#kept.length >= recordsMax) this.#thin();
    if (this.#write(recordOf(kept))) this.#kept.push(kept);
    else ftruncateSync(this.#descriptor, this.#kept.length * recordBytes);
  }

  /** Writes behind what is there. Returns whether all of it found room: on a disk that is full there is one state less, and no harm. */
  #write(bytes: Uint8Array): boolean {
    try {
      return writeSync(this.#descriptor, bytes) === bytes.length;
    } catch (error) {
      if (systemCode(error) === null) throw error;
      return false;
    }
  }

  /** Goes to `offset`, or as near before it as a state is known: see `position`. Only what `sent` was told counts as what is there. */
  goTo(offset: number): void {
    this.#ahead = [];
    this.#load(this.#kept[countBefore(this.#kept, offset) - 1]);
  }

  /** As `goTo`, on the way that was read ahead, which begins at the last `goTo`. */
  goAlong(offset: number): void {
    if (this.#position === offset) return;
    while ((this.#ahead.at(-1)?.position ?? 0) > offset) this.#ahead.pop();
    const last = this.#ahead.at(-1);
    if (last === undefined) this.goTo(offset);
    else this.#load(last);
  }

  #load(kept: Kept | undefined): void {
    if (kept === undefined) this.#hasher.init();
    else this.#hasher.load(kept.state);
    this.#position = kept?.position ?? 0;
  }

  /** SHA-256 of all that was hashed; more can be hashed afterwards. */
  digest(): Uint8Array {
    const state = this.#hasher.save();
    const digest = this.#hasher.digest("binary");
    this.#hasher.load(state);
    return digest;
  }

  #thin(): void {
    const half = recordsMax / 2;
    const gap = this.#kept[half]!.position / (half / 2);
    let last = 0;
    const thinned = this.#kept.filter(({ position }, index) => {
      if (index < half && position < last + gap) return false;
      last = position;
      return true;
    });
    // A crash in between leaves fewer of them.
    ftruncateSync(this.#descriptor, 0);
    this.#kept = [];
    // What finds no room is read again where it is wanted.
    if (this.#write(Buffer.concat(thinned.map(recordOf)))) this.#kept = thinned;
    else ftruncateSync(this.#descriptor, 0);
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }
}

/** How many of them are not behind `offset`. */
function countBefore(all: readonly Kept[], offset: number): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (all[middle]!.position <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function recordOf({ position, state }: Kept): Uint8Array {
  assert(state.length === stateBytes, "a state of SHA-256 has its length");
  const record = Buffer.alloc(recordBytes);
  record.writeBigUInt64LE(BigInt(position));
  record.set(state, positionBytes);
  record.set(checkOf(record), positionBytes + stateBytes);
  return record;
}

function checkOf(record: Buffer): Buffer {
  return hash("sha256", record.subarray(0, positionBytes + stateBytes), "buffer").subarray(0, checkBytes);
}

/** The records from the beginning on, up to the first that is none. */
function readAll(descriptor: number): Kept[] {
  const bytes = Buffer.alloc(fstatSync(descriptor).size);
  let length = 0;
  for (let count = 1; length < bytes.length && count > 0; length += count)
    count = readSync(descriptor, bytes, length, bytes.length - length, length);
  const kept: Kept[] = [];
  for (let at = 0; at + recordBytes <= length; at += recordBytes) {
    const record = bytes.subarray(at, at + recordBytes);
    const position = Number(record.readBigUInt64LE());
    const isWhole = checkOf(record).equals(record.subarray(positionBytes + stateBytes));
    if (!isWhole || position <= (kept.at(-1)?.position ?? 0)) break;
    kept.push({
      position,
      state: Uint8Array.from(record.subarray(positionBytes, positionBytes + stateBytes)),
    });
  }
  return kept;
}
