// The journal of a dataset in an object store: what came of the tar that is no content, and the checksum of each file, so that whoever goes on knows
// which members there are, and where in the tar it is. Objects of some hundred KiB. The name of each says which it is, what is in it and
// which one it follows: nothing that a server stores late which has lost the upload can take the place of what its successor wrote.

import { createHash } from "node:crypto";
import { type Entry, EntryBuffer, entriesOf, rawPieces } from "../../dataset/journal-entries.ts";
import type { Patience } from "../client/s3-request.ts";
import { type S3Home, soon } from "../home.ts";

// The last one is written anew, longer, until it has so many bytes.
const segmentBytes = 256 * 1024;
const nameHead = "journal-";
const numberDigits = 6;
const checkDigits = 20;
const none = "0".repeat(checkDigits);

interface Name {
  readonly number: number;
  /** Checks what is in it, and which one it follows. */
  readonly check: string;
  readonly before: string;
}

export class Segments {
  readonly #home: S3Home;
  readonly #id: string;
  #last: Name | null;
  /** What is in the last one. */
  #bytes: Buffer;
  /** Those in whose place a longer one came. */
  #replaced: string[] = [];

  constructor(home: S3Home, id: string, last: Name | null = null, bytes: Buffer = Buffer.alloc(0)) {
    this.#home = home;
    this.#id = id;
    this.#last = last;
    this.#bytes = bytes;
  }

  /** Of the last one. */
  get name(): string | null {
    return this.#last === null ? null : nameOf(this.#last);
  }

  async add(entries: readonly Entry[], patience: Patience): Promise<void> {
    if (entries.length === 0) return;
    const isFull = this.#bytes.length >= segmentBytes;
    const bytes = Buffer.concat([isFull ? Buffer.alloc(0) : this.#bytes, encoded(entries)]);
    const last = this.#last;
    const before = isFull ? (last?.check ?? none) : (last?.before ?? none);
    const number = (last?.number ?? 0) + (isFull || last === null ? 1 : 0);
    const name = { number, check: checkOf(before, bytes), before };
    const key = this.#key(nameOf(name));
    await this.#home.client.put(key, [bytes], {}, patience);
    if (last !== null && !isFull) this.#replaced.push(this.#key(nameOf(last)));
    this.#last = name;
    this.#bytes = bytes;
  }

  /** Removes what the record does not name any more. */
  async tidy(patience: Patience): Promise<void> {
    for (const key of this.#replaced.splice(0)) await this.#home.client.remove(key, patience);
  }

  #key(name: string): string {
    return this.#home.keys.pieces(this.#id) + name;
  }

  /** Those up to the one that is called `last`, with what each tells; `null`: some of them are not there. */
  static async open(
    home: S3Home,
    id: string,
    last: string | null,
    visit: (entries: readonly Entry[]) => Promise<void>,
  ): Promise<Segments | null> {
    const wanted = last === null ? null : parsed(last);
    if (wanted === null) return last === null ? new Segments(home, id) : null;
    const chain = await chainTo(home, id, wanted);
    if (chain === null) return null;
    let bytes: Buffer = Buffer.alloc(0);
    for (const name of chain) {
      const found = await home.client.read(home.keys.pieces(id) + nameOf(name), soon);
      if (found === null || checkOf(name.before, found.bytes) !== name.check) return null;
      bytes = found.bytes;
      await visit(entriesOf(bytes));
    }
    return new Segments(home, id, wanted, bytes);
  }
}

/** The names of all of them, the first one first. */
async function chainTo({ client, keys }: S3Home, id: string, last: Name): Promise<readonly Name[] | null> {
  const there = new Map<string, Name>();
  const prefix = keys.pieces(id);
  for await (const { key } of client.list(prefix + nameHead, soon)) {
    const name = parsed(key.slice(prefix.length));
    if (name !== null) there.set(`${name.number}-${name.check}`, name);
  }
  const chain = [last];
  for (let first = last; first.number > 1; ) {
    const before = there.get(`${first.number - 1}-${first.before}`);
    if (before === undefined) return null;
    chain.push(before);
    first = before;
  }
  return chain.reverse();
}

function nameOf({ number, check, before }: Name): string {
  return `${nameHead}${String(number).padStart(numberDigits, "0")}-${check}-${before}`;
}

function parsed(name: string): Name | null {
  const found = /^journal-(\d+)-([0-9a-f]+)-([0-9a-f]+)$/.exec(name);
  if (found === null) return null;
  return { number: Number(found[1]), check: found[2] as string, before: found[3] as string };
}

function checkOf(before: string, bytes: Uint8Array): string {
  return createHash("sha256").update(before).update(bytes).digest("hex").slice(0, checkDigits);
}

function encoded(entries: readonly Entry[]): Buffer {
  const all: Buffer[] = [];
  const buffer = new EntryBuffer();
  const flush = (): void => {
    all.push(Buffer.from(buffer.bytes));
    buffer.clear();
  };
  for (const entry of entries) {
    if (entry.type === "raw") {
      for (const piece of rawPieces(entry.bytes)) {
        buffer.addRaw(piece);
        if (buffer.isFull) flush();
      }
    } else if (entry.type === "content") buffer.addContent(entry.length);
    else if (entry.type === "digest") buffer.addDigest(entry.sha256, entry.etag);
    else buffer.addStates(entry.bytes);
    if (buffer.isFull) flush();
  }
  flush();
  return Buffer.concat(all);
}
