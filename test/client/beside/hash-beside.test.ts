// A folder or a stream whose bytes are hashed on another thread, with real threads: the chunks and the checksum are those of a reader that
// does all on this one, whatever the window does or the thread comes to.

import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { readerBeside } from "../../../src/client/beside/beside.ts";
import { ReadingThread } from "../../../src/client/beside/reading-thread.ts";
import { ReadingThreads } from "../../../src/client/beside/reading-threads.ts";
import type { Source } from "../../../src/client/source.ts";
import { MemoryNetwork } from "../../support/memory/network.ts";
import { BytesSource, codeOf, patternOf, sha256, streamOf } from "../bytes-source.ts";

const threads = new ReadingThreads({ threadsMax: 2, fileBytesMin: 1, hashesForMain: true });
const bytes = patternOf(5_000_000);

afterAll(() => threads.close());

async function open(source: Source, from = threads) {
  const network = new MemoryNetwork();
  const client = network.client();
  const notes: string[] = [];
  const allocate = (length: number) => client.allocate(length);
  expect(await from.for(source)).toBe(from);
  const begin = () => readerBeside({ source, allocate, threads: from, onNote: (text) => notes.push(text) });
  let reader = begin();
  // Those that were given back are free a moment later.
  for (; reader === null; reader = begin()) await new Promise((resolve) => setImmediate(resolve));
  return { reader, network, notes };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** All from `offset` on, with the checksum of the whole; in the end nothing is held. */
async function readAll({ reader, network }: Opened, from: number, lengthMax: number) {
  const pieces: Uint8Array[] = [];
  for (let offset = from; ; ) {
    const { length, block, checksum } = await reader.chunkAt(offset, lengthMax);
    if (checksum !== null) {
      reader.close?.();
      expect(network.messagesHeld).toBe(0);
      return { read: sha256(Buffer.concat(pieces)), checksum: Buffer.from(checksum).toString("hex") };
    }
    pieces.push(block?.bytes.slice() ?? new Uint8Array(0));
    block?.release();
    offset += length;
    reader.forgetBefore(offset);
  }
}

test("a folder's tar is read here and hashed there", async () => {
  for (const lengthMax of [65_536, 300_000, 2_000_000]) {
    const begun = await open(new BytesSource(bytes));
    const { read, checksum } = await readAll(begun, 0, lengthMax);
    expect([read, checksum]).toEqual([sha256(bytes), sha256(bytes)]);
    expect(begun.notes).toEqual([]);
  }
});

test("one of which the server has the beginning is hashed from there", async () => {
  const begun = await open(new BytesSource(bytes));
  const { read, checksum } = await readAll(begun, 3_300_000, 65_536);
  expect([read, checksum]).toEqual([sha256(bytes.subarray(3_300_000)), sha256(bytes)]);
});

test.each([
  ["that is short", 1_000],
  ["that is worth a thread", bytes.length],
])("a stream %s has its checksum", async (_, length) => {
  const sent = bytes.subarray(0, length);
  const { read, checksum } = await readAll(await open(streamOf(sent, [70_000, 1, 5_000])), 0, 100_000);
  expect([read, checksum]).toEqual([sha256(sent), sha256(sent)]);
});

test("a short stream takes no thread", async () => {
  const start = (): ReadingThread => {
    throw new Error("nobody wants one");
  };
  const begun = await open(
    streamOf(bytes.subarray(0, 100_000)),
    new ReadingThreads({ threadsMax: 1, hashesForMain: true, start }),
  );
  expect((await readAll(begun, 0, 16_384)).checksum).toBe(sha256(bytes.subarray(0, 100_000)));
  expect(begun.notes).toEqual([]);
});

test("a long stream without a thread is hashed here", async () => {
  const start = (): ReadingThread => {
    throw new Error("no room");
  };
  const begun = await open(
    streamOf(bytes),
    new ReadingThreads({ threadsMax: 1, hashesForMain: true, start }),
  );
  expect((await readAll(begun, 0, 1_000_000)).checksum).toBe(sha256(bytes));
  expect(begun.notes).toEqual([
    "The thread that reads files failed (no room): they are read without it, which is slower",
  ]);
});

test("wherever the window goes, the chunks are right, and so is the checksum", async () => {
  const content = bytes.subarray(0, 5_000);
  const step = fc.record({ to: fc.nat(4_999), lengthMax: fc.integer({ min: 1, max: 2_000 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const begun = await open(new BytesSource(content));
      for (const { to, lengthMax } of steps) {
        const { length, block } = await begun.reader.chunkAt(to, lengthMax);
        expect(Buffer.from(block?.bytes ?? [])).toEqual(Buffer.from(content.subarray(to, to + length)));
        block?.release();
      }
      expect((await readAll(begun, 4_000, 700)).checksum).toBe(sha256(content));
    }),
    { numRuns: 50 },
  );
});

test("where there is no core to spare, nothing is hashed on a thread that was read here", async () => {
  const few = new ReadingThreads({ threadsMax: 2, fileBytesMin: 1, hashesForMain: false });
  expect(await few.for(new BytesSource(bytes))).toBeUndefined();
  expect(await few.for(streamOf(bytes))).toBeUndefined();
});

test("a read that fails holds nothing, and may be tried again", async () => {
  const source = new BytesSource(bytes);
  source.failAt = 1_500_000;
  const begun = await open(source);
  await expect(begun.reader.chunkAt(0, 2_000_000)).rejects.toThrow("The disk reports an error");
  expect(begun.network.messagesHeld).toBe(0);
  source.failAt = Number.POSITIVE_INFINITY;
  expect((await readAll(begun, 0, 2_000_000)).checksum).toBe(sha256(bytes));
});

const forMain = { threadsMax: 1, fileBytesMin: 1, hashesForMain: true };

function failingThreads(how: "throws" | "says"): ReadingThreads {
  const url = new URL(`./failing-worker.ts?${how}`, import.meta.url).href;
  return new ReadingThreads({ ...forMain, start: () => new ReadingThread(url) });
}

test.each(["throws", "says"] as const)(
  "where the thread %s that it failed, all is hashed here",
  async (how) => {
    const from = failingThreads(how);
    const begun = await open(new BytesSource(bytes), from);
    const { read, checksum } = await readAll(begun, 0, 300_000);
    expect([read, checksum]).toEqual([sha256(bytes), sha256(bytes)]);
    expect(begun.notes).toHaveLength(1);
    expect(begun.notes[0]).toContain("out of luck");
  },
);

test("a stream whose thread fails cannot be sent, and its sender is told why", async () => {
  const begun = await open(streamOf(bytes), failingThreads("says"));
  const reading = readAll(begun, 0, 2_000_000);
  expect(await codeOf(reading)).toBe("failed");
  await expect(reading).rejects.toThrow("out of luck");
  expect(begun.network.messagesHeld).toBe(0);
});
