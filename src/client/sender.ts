// Sends a source chunk by chunk: pulls what the machine's window names from the source, ahead of time, and hands it over
// as soon as the window allows it and the network takes more. What is read ahead stays right as long as the window moves
// on with what was sent; where it goes elsewhere, reading begins anew there.

import { DyncError, messageOf } from "../base/error.ts";
import type { SendWindow } from "../protocol/client/client-events.ts";
import type { Block } from "../transport/transport.ts";
import type { Chunk, ChunkReading, Whole } from "./chunk.ts";
import { ChunkReader } from "./chunk-reader.ts";
import type { Source } from "./source.ts";

export interface SenderParts {
  readonly source: Source;
  /** Who reads the source; whoever the source names, or else this thread, unless given. */
  readonly reader?: ChunkReading | null;
  readonly allocate: (length: number) => Block;
  /** What may be sent now, `null` where nobody knows what comes next. */
  readonly window: () => SendWindow | null;
  /** Whether the network takes more: what waits for it is what it is behind. */
  readonly isFree: () => boolean;
  /** Takes the chunk over, and moves the window on. `wasHeld`: it was ready before the network took more. */
  readonly send: (chunk: Chunk, wasHeld: boolean) => void;
  /** The source owes the next chunk, from now on (`true`) or no more (`false`). */
  readonly onOwed: (isOwed: boolean) => void;
  /** The next chunk cannot be read. */
  readonly onFailed: (error: DyncError) => void;
}

// Reading ahead hides the disk's latency; more only costs memory.
const aheadBytes = 4 * 1024 * 1024;
// One that is next, and one behind it while the third is being read.
const aheadChunksMin = 3;
// A server may want tiny chunks; then their number bounds what is read ahead.
const aheadChunksMax = 64;

export class Sender {
  readonly #parts: SenderParts;
  readonly #reader: ChunkReading;
  /** What was read ahead, in order: each begins where the one before ends. */
  readonly #ready: Chunk[] = [];
  /** Where the chunk behind them begins, `null` while nothing is wanted. */
  #next: number | null = null;
  #lengthMax = 0;
  #isReading = false;
  /** Grows with each time that reading goes elsewhere: the window may come back to where a read was before that read ends. */
  #aims = 0;
  /** Why the chunk at `#next` cannot be read. */
  #failure: DyncError | null = null;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    const { source, allocate, reader } = parts;
    this.#reader = reader ?? source.growth?.reader(allocate) ?? new ChunkReader(source, allocate);
  }

  /** Whether anything of the source was used: of a stream that cannot be read again. */
  get hasBegun(): boolean {
    return this.#next !== null;
  }

  /** What the source was when its end was read, `null` before. */
  get whole(): Whole | null {
    return this.#reader.whole;
  }

  /** Sends what may be sent. To be called whenever the window changed, or (`wasHeld`) the network takes more again. */
  pump(wasHeld = false): void {
    const { window, isFree, send, onOwed, onFailed } = this.#parts;
    for (let now = window(); now !== null; now = window()) {
      this.#aim(now);
      const chunk = this.#ready[0];
      if (chunk === undefined) {
        onOwed(true);
        break;
      }
      if (chunk.offset + chunk.length > now.end || !isFree()) break;
      this.#ready.shift();
      this.#reader.sending?.(chunk);
      send(chunk, wasHeld);
    }
    if (this.#failure !== null && this.#ready.length === 0) return onFailed(this.#failure);
    if (!this.#isReading) void this.#readAhead();
  }

  /** Nothing is sent any more, and what was read is released. */
  close(): void {
    this.#drop(0);
    this.#next = null;
    this.#reader.abandon?.();
    this.#reader.close?.();
  }

  // Chunks of another length than is wanted now are read again, but for the next one where that is not too long.
  #aim({ offset, lengthMax, keptFrom }: SendWindow): void {
    this.#reader.forgetBefore(keptFrom);
    const [next] = this.#ready;
    const isRight =
      next === undefined ? this.#next === offset : next.offset === offset && next.length <= lengthMax;
    if (isRight && lengthMax === this.#lengthMax) return;
    this.#lengthMax = lengthMax;
    this.#drop(isRight ? 1 : 0);
    const nextBefore = this.#next;
    this.#next = isRight && next !== undefined ? next.offset + next.length : offset;
    // What comes behind all that was dropped may be long in coming.
    if (this.#next !== nextBefore) this.#reader.stopWaiting?.();
    if (!isRight) {
      this.#parts.onOwed(false);
      this.#reader.abandon?.();
    }
    if (!isRight || this.#next !== nextBefore) this.#aims++;
    // A stream that failed has no more to give.
    if (this.#parts.source.canSeek) this.#failure = null;
  }

  #drop(from: number): void {
    for (const { block } of this.#ready.splice(from)) block?.release();
  }

  async #readAhead(): Promise<void> {
    this.#isReading = true;
    for (let offset = this.#wanted(); offset !== null; offset = this.#wanted()) {
      const aim = this.#aims;
      const read = await this.#chunkAt(offset);
      const isFailure = read instanceof DyncError;
      // Meanwhile the window may have gone elsewhere, and nobody wants it, or come back, and it was given up.
      if (offset !== this.#next || aim !== this.#aims) {
        if (!isFailure) read.block?.release();
        continue;
      }
      if (isFailure) this.#failure = read;
      else {
        this.#ready.push(read);
        this.#next = offset + read.length;
        this.#parts.onOwed(false);
      }
      this.pump();
    }
    this.#isReading = false;
  }

  async #chunkAt(offset: number): Promise<Chunk | DyncError> {
    try {
      return await this.#reader.chunkAt(offset, this.#lengthMax);
    } catch (error) {
      return error instanceof DyncError ? error : new DyncError("source", messageOf(error), { cause: error });
    }
  }

  /** Where to read on, `null` when there is enough, or no more. */
  #wanted(): number | null {
    const isAtEnd = this.#ready.at(-1)?.length === 0;
    if (this.#failure !== null || isAtEnd || this.#parts.window() === null) return null;
    const chunks = Math.ceil(aheadBytes / this.#lengthMax);
    const isEnough = this.#ready.length >= Math.min(aheadChunksMax, Math.max(aheadChunksMin, chunks));
    return isEnough ? null : this.#next;
  }
}
