// How much may be under way: what the line takes in about a second, and what fills it besides. Part of
// `client-upload.ts`. So what is said later (a question, a cancel, another upload) need not wait behind megabytes,
// whatever the network library and the system would have taken.
//
// Theory of operation.
//
// Each chunk that the server is known to have (its answers and its credit tell) is a measurement, as in BBR: what it
// took between the chunk's sending and now, over that time, is the rate; a chunk that was sent onto an empty line
// shows the line's own delay. What may be under way is the rate times that delay and a second. On an idle line the
// delay is short, so that bound grows many times with each round trip, and on a fast line it soon means nothing
// beside the credit: then nothing here costs a message.
//
// Chunks are as long as what passes in a fraction of that second. The first ones of a connection are short: nothing is known
// of it yet, and a message that takes longer than the client's patience ends its connection.
//
// The beginning. As long as nothing waits on a line, what was under way over that time says how long the line is, not how fast. How
// much longer it took than the shortest that anything did is what passed one behind the other, and so says how fast the line looks.
// Until something waits, that counts as well, up to many times of what was under way: a long line is then filled in three round
// trips. It may be wrong, where a line lets the first bytes pass faster than others, or a busy server answered all of them at once. So
// chunks still grow by steps that a line of 30 kbit/s survives, and only an upload's first connection begins like that.

import { assert } from "../../base/assert.ts";
import { limits } from "../limits.ts";

interface UnderWay {
  readonly end: number;
  readonly sentAt: number;
  /** Offset up to which the server was known to have everything when this was sent. */
  readonly takenBefore: number;
  readonly wasAlone: boolean;
}

/** How long something took, with so many bytes under way. */
interface Taken {
  readonly elapsedMs: number;
  readonly bytes: number;
}

// So many chunks may be under way before the first answer.
const firstChunks = 4;
// A clock may stand still between two messages.
const elapsedMsMin = 0.5;
// A rate that falls is believed by and by: one late answer is no slow line.
const fall = 1 / 4;
// A line that looks fast has at most so many times more under way in the next round trip, in so many chunks at least.
const bolder = 64;
const boldChunks = 16;
// How much longer something took than the shortest is no more exact than this share of it.
const inexact = 1 / 16;
// Shares of what may be under way: behind each such part the server is asked, where that is worth it.
const parts = 8;

export class Pace {
  /** In order, each beginning where the one before ends, the first one at `taken`. */
  #underWay: UnderWay[] = [];
  #taken = 0;
  #sinceAsked = 0;
  #bytesPerMs: number | null = null;
  #delayMs = 0;
  #allowed = 0;
  #length: number = limits.chunkBytesSlow;
  /** What took the least on this connection, as long as how fast the line looks counts. */
  #shortest: Taken | null = null;
  /** Bytes that may be under way by how fast the line looks. */
  #promised = 0;
  #wasConnected = false;

  /** Offset up to which the server is known to have everything. */
  get taken(): number {
    return this.#taken;
  }

  /** Most bytes of the next chunk; 0 before `allow`. */
  get chunkBytes(): number {
    return Math.min(this.#allowed, this.#length);
  }

  /** The server takes chunks of at most `bytes`. */
  allow(bytes: number): void {
    assert(bytes > 0, "a chunk has room for something");
    this.#allowed = bytes;
  }

  /** Bytes that may be under way. */
  get bytesMax(): number {
    if (this.#bytesPerMs === null) return firstChunks * limits.chunkBytesSlow;
    return Math.max(limits.chunkBytesSlow, this.#bytesPerMs * this.#heldMs, this.#promised);
  }

  get #heldMs(): number {
    return this.#delayMs + limits.underWayMs;
  }

  /**
   * A new connection begins, on which the server has everything before `position`. Nothing else is known of it but that an answer took
   * `answerMs`; `null`: not even that.
   */
  connected(position: number, answerMs: number | null): void {
    this.#shortest = this.#wasConnected || answerMs === null ? null : { elapsedMs: answerMs, bytes: 0 };
    this.#promised = 0;
    this.#wasConnected = true;
    this.#length = limits.chunkBytesSlow;
    this.#bytesPerMs = null;
    this.moveTo(position);
  }

  /** The server has everything before `position`; what was under way behind it does not count any more. */
  moveTo(position: number): void {
    this.#taken = position;
    this.#underWay = [];
  }

  /** Most bytes of a chunk that may be sent now; below 0: none, not even an empty one. */
  get room(): number {
    const bytes = this.#bytes;
    return bytes === 0 ? Number.POSITIVE_INFINITY : this.bytesMax - bytes;
  }

  get #bytes(): number {
    return (this.#underWay.at(-1)?.end ?? this.#taken) - this.#taken;
  }

  /** A chunk of `length` bytes was sent that ends at `end`. */
  sent(end: number, length: number, now: number): void {
    const wasAlone = this.#bytes === 0;
    this.#underWay.push({ end, sentAt: now, takenBefore: this.#taken, wasAlone });
    this.#sinceAsked += length;
  }

  /** The server was asked, behind everything that was sent. */
  asked(): void {
    this.#sinceAsked = 0;
  }

  /** Whether an answer is worth a question now, when `windowBytes` is what credit allows to be under way. */
  wantsAnswer(windowBytes: number): boolean {
    const { bytesMax } = this;
    return bytesMax < windowBytes && this.#sinceAsked >= bytesMax / parts;
  }

  /** Of the chunks that were sent, all but the last `count` are known to be there. */
  left(count: number, now: number): void {
    assert(count >= 0, "nothing is under way, or something");
    const newest = this.#underWay[this.#underWay.length - count - 1];
    if (newest === undefined) return;
    this.#underWay.splice(0, this.#underWay.length - count);
    this.#taken = newest.end;
    this.#measure(newest, now);
  }

  #measure({ end, sentAt, takenBefore, wasAlone }: UnderWay, now: number): void {
    const elapsedMs = Math.max(elapsedMsMin, now - sentAt);
    const bytes = end - takenBefore;
    const bytesPerMs = bytes / elapsedMs;
    const isFirst = this.#bytesPerMs === null;
    const before = this.#bytesPerMs ?? bytesPerMs;
    this.#bytesPerMs = bytesPerMs >= before ? bytesPerMs : before + (bytesPerMs - before) * fall;
    this.#delayMs = isFirst || wasAlone ? elapsedMs : Math.min(this.#delayMs, elapsedMs);
    if (this.#shortest !== null) this.#look({ elapsedMs, bytes }, this.#shortest);
    const suitable = Math.max((this.#bytesPerMs * limits.underWayMs) / 4, this.#promised / boldChunks);
    while (2 * this.#length <= suitable && this.#length < limits.chunkBytesMax) this.#length *= 2;
    while (this.#length > 2 * suitable && this.#length > limits.chunkBytesSlow) this.#length /= 2;
  }

  #look(taken: Taken, shortest: Taken): void {
    const { elapsedMs, bytes } = taken;
    // What took twice as long waited on the line: how fast that is shows from here, and it is no late answer.
    if (elapsedMs > 2 * shortest.elapsedMs) {
      this.#shortest = null;
      this.#promised = 0;
      this.#bytesPerMs = bytes / elapsedMs;
      return;
    }
    const isShorter = elapsedMs < shortest.elapsedMs;
    if (isShorter) this.#shortest = taken;
    // Either may have waited for a server that was busy.
    const longerMs = Math.max(Math.abs(elapsedMs - shortest.elapsedMs), elapsedMs * inexact);
    const moreBytes = isShorter ? bytes : Math.max(0, bytes - shortest.bytes);
    this.#promised = Math.min((moreBytes / longerMs) * this.#heldMs, bolder * bytes);
  }
}
