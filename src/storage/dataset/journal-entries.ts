// How what is kept of a dataset's tar beside its files is written, entry by entry: in a file, or in objects of a store. Pure.

import { assert } from "../../base/assert.ts";

/** What stands between two points of the stream, or, of a checksum, at one. */
export type Entry =
  | { readonly type: "raw"; readonly bytes: Uint8Array }
  /** So many bytes of the content of the file that came last. */
  | { readonly type: "content"; readonly length: number }
  /** SHA-256 of the file whose content just ended, and what a store calls it, where it lies in one. */
  | { readonly type: "digest"; readonly sha256: Uint8Array; readonly etag: string | null }
  /** States of checksums: see `decodeStates`. */
  | { readonly type: "states"; readonly bytes: Uint8Array };

const tag = { raw: 0, zeros: 1, content: 2, digest: 3, states: 4 } as const;
const entryHeadBytes = 5;
const sha256Bytes = 32;
// Headers are mostly zeros: of a small file they would be a tenth of what is written. Fewer are not worth an entry.
const zerosMin = 24;
const rawBytesMax = 16 * 1024;
const zeros = Buffer.alloc(rawBytesMax);

// An append writes one or more: so long that the calls cost nothing, so short that none is long in the way.
const fullBytes = 64 * 1024;
/** Most bytes that are added to one. */
export const bufferBytesLimit = fullBytes + rawBytesMax + 3 * entryHeadBytes + 512;

/** Entries that are gathered until they are written, behind `headBytes` bytes for who writes them. */
export class EntryBuffer {
  readonly #headBytes: number;
  readonly #all: Buffer;
  #length: number;

  constructor(headBytes = 0) {
    this.#headBytes = this.#length = headBytes;
    this.#all = Buffer.alloc(headBytes + bufferBytesLimit);
  }

  get isEmpty(): boolean {
    return this.#length === this.#headBytes;
  }

  /** All of it, its head included: good until something is added or it is cleared. */
  get bytes(): Buffer {
    assert(this.#length <= this.#all.length, "a record is written before it is too long");
    return this.#all.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = this.#headBytes;
  }

  /** Whether what was added wants to be written before more comes. */
  get isFull(): boolean {
    return this.#length - this.#headBytes >= fullBytes;
  }

  /** Adds bytes that are no content, of at most what `isFull` leaves room for: see `rawPieces`. */
  addRaw(bytes: Uint8Array): void {
    let start = 0;
    for (let at = 0; at < bytes.length; ) {
      if (bytes[at] !== 0) {
        at++;
        continue;
      }
      const from = at;
      while (at < bytes.length && bytes[at] === 0) at++;
      if (at - from < zerosMin) continue;
      this.#addBytes(bytes.subarray(start, from));
      this.#head(tag.zeros, at - from);
      start = at;
    }
    this.#addBytes(bytes.subarray(start));
  }

  #addBytes(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#addAs(tag.raw, bytes);
  }

  addContent(length: number): void {
    this.#head(tag.content, length);
  }

  addDigest(sha256: Uint8Array, etag: string | null = null): void {
    this.#addAs(tag.digest, etag === null ? sha256 : Buffer.concat([sha256, Buffer.from(etag)]));
  }

  /** Adds what `encodeStates` made. */
  addStates(states: Uint8Array): void {
    this.#addAs(tag.states, states);
  }

  #addAs(kind: number, bytes: Uint8Array): void {
    this.#head(kind, bytes.length);
    this.#all.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #head(kind: number, length: number): void {
    this.#all[this.#length] = kind;
    this.#all.writeUInt32LE(length, this.#length + 1);
    this.#length += entryHeadBytes;
  }
}

/** Bytes of the stream that `entry` stands for. */
export function lengthOf(entry: Entry): number {
  if (entry.type === "raw") return entry.bytes.length;
  return entry.type === "content" ? entry.length : 0;
}

/** `bytes` in pieces that a journal takes. */
export function* rawPieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += rawBytesMax) yield bytes.subarray(at, at + rawBytesMax);
}

// What is no content was taken apart where it has zeros: it is put together again, as far as it makes no large piece. Whoever reads
// it is told of a header at once, not of some ten parts of it.
/** What `EntryBuffer` wrote, read again. */
export function entriesOf(body: Buffer): readonly Entry[] {
  const entries: Entry[] = [];
  let parts: Buffer[] = [];
  let partsLength = 0;
  const putTogether = (): void => {
    const [first] = parts;
    if (first === undefined) return;
    entries.push({ type: "raw", bytes: parts.length === 1 ? first : Buffer.concat(parts, partsLength) });
    parts = [];
    partsLength = 0;
  };
  for (let at = 0; at < body.length; ) {
    const kind = body[at];
    const length = body.readUInt32LE(at + 1);
    at += entryHeadBytes;
    if (kind === tag.raw || kind === tag.zeros) {
      if (partsLength + length > rawBytesMax) putTogether();
      parts.push(kind === tag.raw ? body.subarray(at, at + length) : zeros.subarray(0, length));
      partsLength += length;
      if (kind === tag.raw) at += length;
      continue;
    }
    putTogether();
    if (kind === tag.content) entries.push({ type: "content", length });
    else {
      const bytes = body.subarray(at, at + length);
      entries.push(kind === tag.digest ? digestOf(bytes) : { type: "states", bytes });
      at += length;
    }
  }
  putTogether();
  return entries;
}

function digestOf(bytes: Buffer): Entry {
  const [sha256, etag] = [bytes.subarray(0, sha256Bytes), bytes.toString("utf8", sha256Bytes)];
  return { type: "digest", sha256, etag: etag === "" ? null : etag };
}
