// The law of the sender: wherever the window goes, in whatever order and however large, the chunks are the source's bytes
// within the window, the checksum is that of the whole, and every block is handed out or released exactly once.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Chunk } from "../../src/client/chunk.ts";
import { Sender } from "../../src/client/sender.ts";
import type { Source } from "../../src/client/source.ts";
import { MemoryNetwork } from "../support/memory/network.ts";
import { BytesSource, patternOf, sha256, streamOf } from "./bytes-source.ts";

type Move =
  /** So many chunks may be sent, and so many turns pass. */
  | { readonly type: "next"; readonly credit: number; readonly turns: number }
  /** To somewhere in what may be asked for, as a fraction of it. */
  | { readonly type: "go"; readonly to: number }
  | { readonly type: "resize"; readonly lengthMax: number }
  | { readonly type: "forget"; readonly to: number }
  /** The connection is over, or the network is behind, for a while. */
  | { readonly type: "close" | "block"; readonly turns: number };

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const lengthMax = fc.integer({ min: 1, max: 70 });
const turns = fc.nat(30);
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("next"), credit: fc.nat(4), turns }) },
  fc.record({ type: fc.constant("go"), to: fraction }),
  fc.record({ type: fc.constant("forget"), to: fraction }),
  fc.record({ type: fc.constant("resize"), lengthMax }),
  fc.record({ type: fc.constantFrom("close", "block"), turns }),
);
const run = fc.record({
  length: fc.integer({ min: 0, max: 300 }),
  lengthMax,
  pieces: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 }),
  moves: fc.array(move, { maxLength: 40 }),
});

async function pass(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Moves the window as a machine would, and checks everything that is sent. */
class Receiver {
  readonly #network = new MemoryNetwork();
  readonly #sender: Sender;
  readonly #bytes: Uint8Array;
  readonly #canSeek: boolean;
  #lengthMax: number;
  #position = 0;
  #highest = 0;
  #kept = 0;
  #credit = 0;
  #isOpen = true;
  #isFree = true;
  #checksum: Uint8Array | null = null;

  constructor(source: Source, bytes: Uint8Array, length: number) {
    const client = this.#network.client();
    this.#bytes = bytes;
    this.#canSeek = source.canSeek;
    this.#lengthMax = length;
    this.#sender = new Sender({
      source,
      allocate: (size) => client.allocate(size),
      window: () => this.#window,
      isFree: () => this.#isFree,
      send: (chunk) => this.#take(chunk),
      onOwed: () => {},
      onFailed: (error) => {
        throw error;
      },
    });
  }

  get #window() {
    if (!this.#isOpen || this.#checksum !== null) return null;
    const end = this.#credit > 0 ? Number.POSITIVE_INFINITY : -1;
    return { offset: this.#position, lengthMax: this.#lengthMax, end, keptFrom: this.#kept };
  }

  async do(move: Move): Promise<void> {
    switch (move.type) {
      case "next":
        this.#credit = move.credit;
        this.#sender.pump();
        return await pass(move.turns);
      case "go":
        this.#position = this.#offsetAt(move.to);
        this.#checksum = null;
        return this.#sender.pump();
      case "forget":
        this.#kept = Math.max(this.#kept, Math.floor(this.#position * move.to));
        return this.#sender.pump();
      case "resize":
        this.#lengthMax = move.lengthMax;
        return this.#sender.pump();
      case "close":
        this.#isOpen = false;
        await pass(move.turns);
        this.#isOpen = true;
        return this.#sender.pump();
      case "block":
        this.#isFree = false;
        this.#sender.pump();
        await pass(move.turns);
        this.#isFree = true;
        return this.#sender.pump(true);
    }
  }

  // A file may be asked for any offset; a stream only for what was handed out and not forgotten.
  #offsetAt(to: number): number {
    const [from, end] = this.#canSeek ? [0, this.#bytes.length] : [this.#kept, this.#highest];
    return from + Math.floor((end - from) * to);
  }

  #take({ offset, length, block, checksum }: Chunk): void {
    expect([offset, this.#isFree, this.#credit > 0]).toEqual([this.#position, true, true]);
    expect(length).toBeLessThanOrEqual(this.#lengthMax);
    expect(length === 0).toBe(checksum !== null);
    expect(Buffer.from(block?.bytes ?? [])).toEqual(
      Buffer.from(this.#bytes.subarray(offset, offset + length)),
    );
    block?.release();
    this.#credit--;
    this.#checksum = checksum;
    this.#position = offset + length;
    this.#highest = Math.max(this.#highest, this.#position);
  }

  async finish(): Promise<void> {
    this.#credit = Number.POSITIVE_INFINITY;
    this.#sender.pump();
    for (let turn = 0; turn < 1000 && this.#checksum === null; turn++) await pass(10);
    expect(this.#position).toBe(this.#bytes.length);
    expect(Buffer.from(this.#checksum ?? []).toString("hex")).toBe(sha256(this.#bytes));
    expect(this.#sender.whole?.size).toBe(this.#bytes.length);
    this.#sender.close();
    await pass(50);
    expect(this.#network.messagesHeld).toBe(0);
  }
}

test("a file: any rewinds, jumps ahead and sizes of chunks give its bytes and its checksum", async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ length, moves, lengthMax }) => {
      const bytes = patternOf(length);
      const receiver = new Receiver(new BytesSource(bytes), bytes, lengthMax);
      for (const one of moves) await receiver.do(one);
      await receiver.finish();
    }),
    { numRuns: 400 },
  );
});

test("a stream: any rewinds into what is kept give its bytes and its checksum", async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ length, moves, pieces, lengthMax }) => {
      const bytes = patternOf(length);
      const receiver = new Receiver(streamOf(bytes, pieces), bytes, lengthMax);
      for (const one of moves) await receiver.do(one);
      await receiver.finish();
    }),
    { numRuns: 400 },
  );
});
