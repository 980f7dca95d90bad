// What is stored of one upload: the parts of its multipart upload, the pieces behind them, and the state of its checksum there. Its text is the
// mark in the upload's record, so that any server goes on from it, and only who has the record. Pure.
//
// Parts are named by their numbers alone, and a checksum over numbers and ETags: the store lists the ETags themselves.
//
// Who died may have stored parts that the record does not tell of, and not those before them. Ceph makes no object of an upload of which it has a part
// that is left out. So such a part is *adopted* when its turn comes and it has what would be stored there: the client sends that again,
// and its MD5 is the ETag.
//
// The object has its parts in the order of their numbers, whatever order they are told in (Ceph says nothing of it). So what comes before a part
// that may be adopted has a number below that: one that an earlier owner had for the same bytes, or for none. Else no number is used twice.

import { createHash } from "node:crypto";
import * as v from "valibot";
import { jsonValue } from "../../base/json-text.ts";
import type { StoredNote } from "../storage.ts";
import type { Part } from "./client/s3-client.ts";
import { numbersAhead, partNumberMax, partsUsedUp } from "./part-plan.ts";

const version = 1;
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const base64 = (text: string) => Buffer.from(text, "base64");

export const markSchema = v.object({
  v: v.literal(version),
  /** Of the multipart upload; `null`: none was begun. */
  upload: v.nullable(v.string()),
  /** The first number that nobody uses. */
  next: count,
  /** Which numbers its parts have: the first of several in a row, and how many. */
  runs: v.array(v.tuple([count, count])),
  bytes: count,
  chain: v.string(),
  /** Lengths of the pieces. */
  pieces: v.array(count),
  /** State of SHA-256, in base64. */
  state: v.string(),
});
export type Mark = v.InferOutput<typeof markSchema>;

/** What `mark` says, or `null`: it is not of this storage. */
export function parseMark(mark: string | null): Mark | null {
  return readMark(markSchema, mark);
}

/** What `mark` says that is of this shape, or `null`: it is none. */
export function readMark<T>(shape: v.GenericSchema<unknown, T>, mark: string | null): T | null {
  const parsed = v.safeParse(shape, mark === null ? null : jsonValue(mark));
  return parsed.success ? parsed.output : null;
}

/** How many bytes `mark` says are stored. */
export function durableOf({ bytes, pieces }: Mark): number {
  return pieces.reduce((sum, length) => sum + length, bytes);
}

export class Ledger {
  uploadId: string | null = null;
  /** Of what that becomes. */
  key: string | null = null;
  /** In their order, without a gap. */
  readonly parts: Part[] = [];
  #partBytes = 0;
  #chain: Buffer = Buffer.alloc(32);
  #pieces: number[] = [];
  /** Parts that the record does not tell of, in the order of their numbers. */
  #left: Part[] = [];
  /** The number that was given last: those behind it are higher. */
  #given = 0;
  /** The record was told of something since it was read: whoever told it has the upload. */
  #isTold = false;
  #state: Uint8Array;
  #next = 1;
  /** Numbers below are ours, as the record says. */
  #sure = 1;

  /** Nothing is stored; `state` is that of nothing. */
  constructor(state: Uint8Array) {
    this.#state = state;
  }

  /** What `mark` says, with the parts that the store lists; `null` where these are not the ones that were stored. */
  static of(mark: Mark, listed: readonly Part[]): Ledger | null {
    const ledger = new Ledger(base64(mark.state));
    ledger.uploadId = mark.upload;
    const byNumber = new Map(listed.map((part) => [part.number, part] as const));
    for (const [first, length] of mark.runs)
      for (let number = first; number < first + length; number++) {
        const part = byNumber.get(number);
        // The store would put them together in another order.
        if (part === undefined || number <= ledger.#given) return null;
        ledger.#given = number;
        ledger.addPart(part, base64(mark.state));
      }
    if (ledger.#partBytes !== mark.bytes || ledger.#chain.toString("base64") !== mark.chain) return null;
    ledger.#pieces = [...mark.pieces];
    ledger.#left = listed.filter(({ number }) => number > ledger.#given).sort((a, b) => a.number - b.number);
    // What an earlier owner may still have on its way is behind what its record says.
    ledger.#next = ledger.#sure = Math.max(mark.next, 1 + Math.max(0, ...listed.map(({ number }) => number)));
    return ledger;
  }

  /** The same of an upload of which the store made an object already, hidden, as long as `mark` says. */
  static ofWhole(mark: Mark): Ledger {
    const ledger = new Ledger(base64(mark.state));
    ledger.uploadId = mark.upload;
    ledger.#partBytes = durableOf(mark);
    return ledger;
  }

  get durable(): number {
    return this.#partBytes + this.pieceBytes;
  }

  get partBytes(): number {
    return this.#partBytes;
  }

  /** Lengths of the pieces behind the parts. */
  get pieces(): readonly number[] {
    return this.#pieces;
  }

  get pieceBytes(): number {
    return this.#pieces.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Of SHA-256, behind all that is durable. */
  get state(): Uint8Array {
    return this.#state;
  }

  /** Whether an earlier owner left parts that the record does not tell of. */
  get hasLeft(): boolean {
    return this.#left.length > 0;
  }

  /** Numbers of those that the store lists and this does not have. */
  strangeAmong(listed: readonly Part[]): readonly number[] {
    const own = new Set(this.parts.map(({ number }) => number));
    return listed.map(({ number }) => number).filter((number) => !own.has(number));
  }

  /** The part that an earlier owner stored here, of so many bytes with this MD5 (hex), or `null`. */
  adopt(size: number, md5: string): Part | null {
    const [first] = this.#left;
    if (first === undefined || first.size !== size || first.etag !== md5) return null;
    this.#left.shift();
    this.#given = first.number;
    return first;
  }

  /** A number for what is stored next, above all that were given. Throws "too-large" where there is none. */
  takeNumber(): number {
    const [first] = this.#left;
    // What is left comes behind it, if it is adopted at all.
    if (first !== undefined && this.#given + 1 < first.number) return ++this.#given;
    this.#left = [];
    if (this.#next > partNumberMax) throw partsUsedUp();
    this.#given = this.#next++;
    return this.#given;
  }

  /** Whether the record says that `number` is ours. */
  isSure(number: number): boolean {
    return this.#isTold && number < this.#sure;
  }

  /** `note` is in the record. */
  recorded({ mark }: StoredNote): void {
    this.#isTold = true;
    this.#sure = Math.max(this.#sure, parseMark(mark)?.next ?? 0);
  }

  /** `part` is stored, behind all others, with all pieces in it; `state` is that behind it. */
  addPart(part: Part, state: Uint8Array): void {
    this.parts.push(part);
    this.#partBytes += part.size;
    this.#chain = createHash("sha256").update(this.#chain).update(`${part.number} ${part.etag}\n`).digest();
    this.#pieces = [];
    this.#state = state;
  }

  addPiece(bytes: number, state: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#state = state;
  }

  note(): StoredNote {
    const mark: Mark = {
      v: version,
      upload: this.uploadId,
      next: Math.max(this.#sure, this.#next + numbersAhead),
      runs: runsOf(this.parts),
      bytes: this.#partBytes,
      chain: this.#chain.toString("base64"),
      pieces: [...this.#pieces],
      state: Buffer.from(this.#state).toString("base64"),
    };
    const isEmpty = this.uploadId === null && this.#pieces.length === 0;
    return { durable: this.durable, mark: isEmpty ? null : JSON.stringify(mark) };
  }
}

function runsOf(parts: readonly Part[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const { number } of parts) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === number) last[1]++;
    else runs.push([number, 1]);
  }
  return runs;
}
