// The law of the chunk reader: whatever is asked for in whatever order, the chunks are the source's bytes, the
// checksum is that of the whole, and every block is handed out or released exactly once.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Chunk, ChunkReader } from "../../src/client/chunk-reader.ts";
import type { Source } from "../../src/client/source.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import { BytesSource, patternOf, sha256, streamOf } from "./bytes-source.ts";

type Move =
  | { readonly type: "next" }
  /** To somewhere in what may be asked for, as a fraction of it. */
  | { readonly type: "go"; readonly to: number }
  | { readonly type: "resize"; readonly chunkBytes: number }
  | { readonly type: "forget"; readonly to: number }
  /** Asks, and asks for something else before the answer came. */
  | { readonly type: "replace"; readonly to: number };

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const chunkBytes = fc.integer({ min: 1, max: 70 });
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Move>({ type: "next" }) },
  fraction.map((to): Move => ({ type: "go", to })),
  fraction.map((to): Move => ({ type: "replace", to })),
  fraction.map((to): Move => ({ type: "forget", to })),
  chunkBytes.map((bytes): Move => ({ type: "resize", chunkBytes: bytes })),
);
const run = fc.record({
  length: fc.integer({ min: 0, max: 300 }),
  chunkBytes,
  readAhead: fc.integer({ min: 1, max: 5 }),
  pieces: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 }),
  moves: fc.array(move, { maxLength: 40 }),
});

/** Asks as a client would, checks every answer, and reads to the end. */
class Asker {
  readonly #transport = new MemoryNetwork();
  readonly #reader: ChunkReader;
  readonly #bytes: Uint8Array;
  readonly #canSeek: boolean;
  #chunkBytes: number;
  #position = 0;
  #highest = 0;
  #kept = 0;

  constructor(source: Source, bytes: Uint8Array, options: { chunkBytes: number; readAhead: number }) {
    const client = this.#transport.client();
    this.#bytes = bytes;
    this.#canSeek = source.canSeek;
    this.#chunkBytes = options.chunkBytes;
    this.#reader = new ChunkReader(source, {
      chunkBytes: options.chunkBytes,
      readAheadBytes: options.readAhead * options.chunkBytes,
      allocate: (length) => client.allocate(length),
    });
  }

  async do(move: Move): Promise<void> {
    switch (move.type) {
      case "next":
        return void (await this.#next());
      case "go":
        this.#position = this.#offsetAt(move.to);
        return void (await this.#next());
      case "replace": {
        const dropped = this.#reader.chunkAt(this.#position);
        const other = this.#offsetAt(move.to);
        if (other !== this.#position) {
          this.#position = other;
          await this.#next();
        }
        (await dropped).block?.release();
        return;
      }
      case "forget":
        this.#kept = Math.max(this.#kept, Math.floor(this.#position * move.to));
        return this.#reader.forgetBefore(this.#kept);
      case "resize":
        this.#chunkBytes = move.chunkBytes;
        return this.#reader.resize(move.chunkBytes);
    }
  }

  // A file may be asked for any offset; a stream only for what was handed out and not forgotten.
  #offsetAt(to: number): number {
    const [from, end] = this.#canSeek ? [0, this.#bytes.length] : [this.#kept, this.#highest];
    return from + Math.floor((end - from) * to);
  }

  async #next(): Promise<Chunk> {
    const offset = this.#position;
    const chunk = await this.#reader.chunkAt(offset);
    expect(chunk.offset).toBe(offset);
    expect(chunk.length).toBeLessThanOrEqual(this.#chunkBytes);
    if (chunk.block === null) {
      expect(offset).toBe(this.#bytes.length);
      expect(Buffer.from(chunk.checksum ?? []).toString("hex")).toBe(sha256(this.#bytes));
    } else {
      expect(chunk.length).toBeGreaterThan(0);
      expect(chunk.checksum).toBeNull();
      expect(Buffer.from(chunk.block.bytes)).toEqual(
        Buffer.from(this.#bytes.subarray(offset, offset + chunk.length)),
      );
      chunk.block.release();
    }
    this.#position = offset + chunk.length;
    this.#highest = Math.max(this.#highest, this.#position);
    return chunk;
  }

  async finish(): Promise<void> {
    while ((await this.#next()).length > 0);
    expect(this.#reader.hashed).toBe(this.#bytes.length);
    this.#reader.close();
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect(this.#transport.messagesHeld).toBe(0);
  }
}

test("a file: any rewinds, jumps ahead and sizes of chunks give its bytes and its checksum", async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ length, moves, ...options }) => {
      const bytes = patternOf(length);
      const asker = new Asker(new BytesSource(bytes), bytes, options);
      for (const one of moves) await asker.do(one);
      await asker.finish();
    }),
    { numRuns: 400 },
  );
});

test("a stream: any rewinds into what is kept give its bytes and its checksum", async () => {
  await fc.assert(
    fc.asyncProperty(run, async ({ length, moves, pieces, ...options }) => {
      const bytes = patternOf(length);
      const asker = new Asker(streamOf(bytes, pieces), bytes, options);
      for (const one of moves) await asker.do(one);
      await asker.finish();
    }),
    { numRuns: 400 },
  );
});
