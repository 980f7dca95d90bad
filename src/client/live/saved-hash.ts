// The SHA-256 of a stream whose beginning nobody can read again: its state is written down at the end of each chunk, so that a later process
// goes on with it wherever the server wants to go on, and reads nothing again. The file is a hint, like all that is remembered of an upload:
// what a crash of the system leaves of it is found out, and a wrong state would be a checksum that the server does not confirm.

import { hash } from "node:crypto";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { createSHA256, type IHasher } from "hash-wasm";
import { assert } from "../../base/assert.ts";

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
  /** In the order of their positions, as in the file. */
  #kept: Kept[];
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
  get furthest(): number {
    return this.#kept.at(-1)?.position ?? 0;
  }

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
    this.#position += bytes.length;
  }

  /** Writes down the state as it is now. Throws the system's error. */
  keep(): void {
    // What was being read when it was closed has another descriptor's number by now.
    if (this.#isClosed || this.#position <= this.furthest) return;
    if (this.#kept.length >= recordsMax) this.#thin();
    const kept = { position: this.#position, state: this.#hasher.save() };
    writeSync(this.#descriptor, recordOf(kept));
    this.#kept.push(kept);
  }

  /**
   * Goes to `offset`, or as near before it as a state is known: see `position`. What was hashed behind `offset` is forgotten: the stream may be
   * another one from there on.
   */
  goBack(offset: number): void {
    if (this.#isClosed) return;
    let count = this.#kept.length;
    while (count > 0 && this.#kept[count - 1]!.position > offset) count -= 1;
    if (count < this.#kept.length) {
      this.#kept.length = count;
      ftruncateSync(this.#descriptor, count * recordBytes);
    }
    if (this.#position <= offset && this.#position >= this.furthest) return;
    const last = this.#kept.at(-1);
    if (last === undefined) this.#hasher.init();
    else this.#hasher.load(last.state);
    this.#position = this.furthest;
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
    this.#kept = this.#kept.filter(({ position }, index) => {
      if (index < half && position < last + gap) return false;
      last = position;
      return true;
    });
    // A crash in between leaves fewer of them.
    ftruncateSync(this.#descriptor, 0);
    writeSync(this.#descriptor, Buffer.concat(this.#kept.map(recordOf)));
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }
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
