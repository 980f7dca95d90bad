// What is kept of a dataset's tar beside the files themselves, so that the stream can be put together again: every byte that is
// no content, where content came in between, and each finished file's checksum. A file that only grows, in records with a
// checksum of their own: what a power cut leaves behind the last good one counts as not written.

import { closeSync, fstatSync } from "node:fs";
import { crc32 } from "node:zlib";
import { assert } from "../../base/assert.ts";
import type { Turns } from "../../base/turns.ts";
import { type Layout, layouts } from "../../upload/upload.ts";
import { fsync, openExisting, openFile, openNew, readAt, truncateFile, writeAt } from "../file-calls.ts";
import { bufferBytesLimit, type Entry, EntryBuffer, entriesOf, lengthOf } from "./journal-entries.ts";

/** Offset in the stream, length, and CRC-32 of both and of the entries. */
const recordHeadBytes = 16;
const recordBytesLimit = recordHeadBytes + bufferBytesLimit;

const closed = -1;

/**
 * Which format it is, and how the dataset will be published: that is settled when it begins. An older server, which knows neither states
 * nor removals, does not take up what has the second one; one that it began may have them from here on.
 */
function signatureOf(layout: Layout, format: 1 | 2 = 2): string {
  return `dync dataset ${format} ${layout}\n`;
}
const signatureBytesMax = 32;
/** Length of the longest that holds nothing. */
export const emptyJournalBytes = signatureOf("plain").length;

export class Journal {
  readonly path: string;
  readonly layout: Layout;
  #descriptor: number;
  /** Bytes of the file that count. */
  #fileBytes: number;
  /** Where in the stream the next entry begins. */
  #offset = 0;
  readonly #record = new EntryBuffer(recordHeadBytes);
  #recordOffset = 0;

  private constructor(path: string, layout: Layout, descriptor: number, fileBytes: number) {
    this.path = path;
    this.layout = layout;
    this.#descriptor = descriptor;
    this.#fileBytes = fileBytes;
  }

  /** Throws the system's error, `EEXIST` among them. */
  static async create(path: string, layout: Layout): Promise<Journal> {
    const descriptor = await openFile(path, openNew, 0o600);
    const signature = Buffer.from(signatureOf(layout));
    try {
      await writeAt(descriptor, signature, 0);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    return new Journal(path, layout, descriptor, signature.length);
  }

  /** Opens what is there; `null` when its very beginning is not. Throws the system's error, `ENOENT` among them. */
  static async open(path: string): Promise<Journal | null> {
    const descriptor = await openFile(path, openExisting, 0);
    try {
      const start = Buffer.alloc(signatureBytesMax);
      await readAt(descriptor, start, 0);
      for (const layout of layouts) {
        const { length } = signatureOf(layout);
        const signature = start.toString("latin1", 0, length);
        if (signature === signatureOf(layout, 1) || signature === signatureOf(layout))
          return new Journal(path, layout, descriptor, length);
      }
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    closeSync(descriptor);
    return null;
  }

  /** Bytes of the stream that its entries stand for. */
  get length(): number {
    return this.#offset;
  }

  /** Whether what was added wants to be written before more comes. */
  get isFull(): boolean {
    return this.#record.isFull;
  }

  /** Adds bytes that are no content, of at most what `isFull` leaves room for: see `rawPieces`. */
  addRaw(bytes: Uint8Array): void {
    this.#record.addRaw(bytes);
    this.#offset += bytes.length;
  }

  addContent(length: number): void {
    this.#record.addContent(length);
    this.#offset += length;
  }

  addDigest(sha256: Uint8Array): void {
    this.#record.addDigest(sha256);
  }

  /** Adds what `encodeStates` made. */
  addStates(states: Uint8Array): void {
    this.#record.addStates(states);
  }

  /** Writes what was added. Throws the system's error; then `truncate` or `close` has to follow. */
  async flush(): Promise<void> {
    if (this.#record.isEmpty) return;
    const record = this.#record.bytes;
    record.writeBigUInt64LE(BigInt(this.#recordOffset), 0);
    record.writeUInt32LE(record.length - recordHeadBytes, 8);
    record.writeUInt32LE(checksumOf(record), 12);
    await writeAt(this.#descriptor, record, this.#fileBytes);
    this.#fileBytes += record.length;
    this.#record.clear();
    this.#recordOffset = this.#offset;
  }

  /**
   * Tells `visit` what it has of the first `limit` bytes of the stream, as far as it is whole, and where in the stream; where that takes long
   * it may yield, for others to have their turn. Resolves to where that ends: `goOn` makes it the end.
   */
  async replay(
    limit: number,
    visit: (entry: Entry, offset: number) => Iterable<unknown>,
    turns: Turns,
  ): Promise<JournalEnd> {
    let end: JournalEnd = { at: signatureOf(this.layout).length, offset: 0, kept: [] };
    for await (const { at, next, entries } of this.#records()) {
      let offset = end.offset;
      const kept: Entry[] = [];
      for (const entry of entries) {
        const length = lengthOf(entry);
        const left = limit - offset;
        if (length > 0 && left === 0) return { at, offset: end.offset, kept };
        const part = length > left ? cutTo(entry, left) : entry;
        for (const _some of visit(part, offset)) await turns.step();
        kept.push(part);
        offset += lengthOf(part);
        if (length > left) return { at, offset: end.offset, kept };
      }
      end = { at: next, offset, kept: [] };
      await turns.step();
    }
    return end;
  }

  /** All that it has, in order. Nothing may be added meanwhile. */
  async *entries(): AsyncGenerator<Entry> {
    for await (const { entries } of this.#records()) yield* entries;
  }

  async *#records(): AsyncGenerator<{
    readonly at: number;
    readonly next: number;
    readonly entries: readonly Entry[];
  }> {
    const head = Buffer.alloc(recordHeadBytes);
    let offset = 0;
    for (let at = signatureOf(this.layout).length; ; ) {
      if ((await readAt(this.#descriptor, head, at)) < recordHeadBytes) return;
      const length = head.readUInt32LE(8);
      if (length > recordBytesLimit || Number(head.readBigUInt64LE(0)) !== offset) return;
      const record = Buffer.alloc(recordHeadBytes + length);
      if ((await readAt(this.#descriptor, record, at)) < record.length) return;
      if (record.readUInt32LE(12) !== checksumOf(record)) return;
      const entries = entriesOf(record.subarray(recordHeadBytes));
      const next = at + record.length;
      yield { at, next, entries };
      for (const entry of entries) offset += lengthOf(entry);
      at = next;
    }
  }

  /** Cuts off what is behind `end`, and is written on from there. Throws the system's error. */
  async goOn({ at, offset, kept }: JournalEnd): Promise<void> {
    this.#record.clear();
    this.#fileBytes = at;
    this.#recordOffset = this.#offset = offset;
    if (fstatSync(this.#descriptor).size > at) await truncateFile(this.#descriptor, at);
    for (const entry of kept) this.#add(entry);
    await this.flush();
  }

  #add(entry: Entry): void {
    if (entry.type === "raw") this.addRaw(entry.bytes);
    else if (entry.type === "content") this.addContent(entry.length);
    else if (entry.type === "digest") this.addDigest(entry.sha256);
    else this.addStates(entry.bytes);
  }

  /** Makes what is written durable. */
  async sync(): Promise<void> {
    await fsync(this.#descriptor);
  }

  close(): void {
    if (this.#descriptor === closed) return;
    const descriptor = this.#descriptor;
    this.#descriptor = closed;
    closeSync(descriptor);
  }
}

/** A place between two bytes of the stream. */
export interface JournalEnd {
  /** Where the record begins in the file that holds it, or the next one would. */
  readonly at: number;
  /** Where in the stream that record begins. */
  readonly offset: number;
  /** What of the record comes before the place. */
  readonly kept: readonly Entry[];
}

function cutTo(entry: Entry, length: number): Entry {
  if (entry.type === "content") return { type: "content", length };
  assert(entry.type === "raw", "a checksum has no bytes that could be cut");
  return { type: "raw", bytes: entry.bytes.subarray(0, length) };
}

function checksumOf(record: Buffer): number {
  return crc32(record.subarray(recordHeadBytes), crc32(record.subarray(0, 12)));
}
