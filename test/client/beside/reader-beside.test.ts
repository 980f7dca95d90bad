// Reading on another thread, with real threads and files: the chunks and the checksum are those of a reader on this thread, whatever the
// window does, the file becomes, or the thread comes to.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { ReaderBeside } from "../../../src/client/beside/reader-beside.ts";
import { ReadingThread } from "../../../src/client/beside/reading-thread.ts";
import { ReadingThreads, type ReadingThreadsOptions } from "../../../src/client/beside/reading-threads.ts";
import { FileSource, openFileSource, openRegularFile } from "../../../src/client/file-source.ts";
import type { Source } from "../../../src/client/source.ts";
import { MemoryNetwork } from "../../support/memory/network.ts";
import { codeOf, patternOf, sha256 } from "../bytes-source.ts";

const folder = mkdtempSync(join(tmpdir(), "dync-beside-"));
const threads = new ReadingThreads({ threadsMax: 2, fileBytesMin: 1 });
const bytes = patternOf(1_000_000);
let count = 0;

function fileOf(content: Uint8Array): string {
  const path = join(folder, `file-${++count}`);
  writeFileSync(path, content);
  return path;
}

/** A reader of `source` on a thread of `from`, and what it said and holds. */
async function open(source: Source, from = threads) {
  const network = new MemoryNetwork();
  const client = network.client();
  const notes: string[] = [];
  const parts = { source, allocate: (length: number) => client.allocate(length), threads: from };
  expect(await from.for(source)).toBe(from);
  // That of a reader that was closed is free when it has answered.
  for (;;) {
    const reader = ReaderBeside.begin({ ...parts, onNote: (text) => notes.push(text) });
    if (reader !== null) return { reader, network, notes, source };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function readAll({ reader }: { readonly reader: ReaderBeside }, from: number, lengthMax: number) {
  const pieces: Uint8Array[] = [];
  for (let offset = from; ; ) {
    const { length, block, checksum } = await reader.chunkAt(offset, lengthMax);
    if (checksum !== null)
      return { read: Buffer.concat(pieces), checksum: Buffer.from(checksum).toString("hex") };
    pieces.push(block?.bytes.slice() ?? new Uint8Array(0));
    block?.release();
    offset += length;
  }
}

/** Until the thread has answered for all that was given up. */
async function settled({ network }: { readonly network: MemoryNetwork }): Promise<void> {
  while (network.messagesHeld > 0) await new Promise((resolve) => setImmediate(resolve));
}

beforeAll(async () => {
  // So that what follows is not about how a thread begins.
  const begun = await open(await openFileSource(fileOf(bytes)));
  await readAll(begun, 0, 100_000);
  begun.reader.close();
  await settled(begun);
});
afterAll(() => {
  threads.close();
  rmSync(folder, { recursive: true });
});

test("a file is read and hashed as on this thread", async () => {
  for (const lengthMax of [1_000, 65_536, 300_000, 2_000_000]) {
    const begun = await open(await openFileSource(fileOf(bytes)));
    const { read, checksum } = await readAll(begun, 0, lengthMax);
    expect(sha256(read)).toBe(sha256(bytes));
    expect(checksum).toBe(sha256(bytes));
    expect(begun.reader.whole?.size).toBe(bytes.length);
    begun.reader.close();
    await settled(begun);
    await begun.source.close();
    expect(begun.notes).toEqual([]);
  }
});

test("a file of which the server has the beginning is hashed from there", async () => {
  const begun = await open(await openFileSource(fileOf(bytes)));
  const { read, checksum } = await readAll(begun, 700_000, 65_536);
  expect(sha256(read)).toBe(sha256(bytes.subarray(700_000)));
  expect(checksum).toBe(sha256(bytes));
  begun.reader.close();
});

test("wherever the window goes, the chunks are those of the file, and its end has its checksum", async () => {
  const path = fileOf(bytes.subarray(0, 5_000));
  const step = fc.record({
    to: fc.nat(4_999),
    lengthMax: fc.integer({ min: 1, max: 2_000 }),
    wasAbandoned: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const begun = await open(await openFileSource(path));
      const { reader } = begun;
      for (const { to, lengthMax, wasAbandoned } of steps) {
        if (wasAbandoned) reader.abandon();
        const { block, length } = await reader.chunkAt(to, lengthMax);
        expect(length).toBe(Math.min(lengthMax, 5_000 - to));
        expect(sha256(block?.bytes ?? new Uint8Array(0))).toBe(sha256(bytes.subarray(to, to + length)));
        block?.release();
      }
      expect((await readAll(begun, 4_000, 700)).checksum).toBe(sha256(bytes.subarray(0, 5_000)));
      reader.close();
      await settled(begun);
      await begun.source.close();
    }),
    { numRuns: 50 },
  );
});

test("what is being read and wanted by nobody any more gives its memory back, and ends as nothing that counts", async () => {
  const begun = await open(await openFileSource(fileOf(bytes)));
  const reading = begun.reader.chunkAt(900_000, 50_000);
  begun.reader.abandon();
  // It may have been read before.
  const code = await reading.then(
    ({ block }) => {
      block?.release();
      return "none";
    },
    (error: { code?: string }) => error.code,
  );
  expect(["none", "cancelled"]).toContain(code as string);
  begun.reader.abandon();
  await settled(begun);
  expect((await readAll(begun, 0, 65_536)).checksum).toBe(sha256(bytes));
  begun.reader.close();
});

describe("a file that changes under way", () => {
  test("in its bytes is found out at its end", async () => {
    const path = fileOf(bytes);
    const begun = await open(await openFileSource(path));
    (await begun.reader.chunkAt(0, 100_000)).block?.release();
    const { ctimeNs: before } = statSync(path, { bigint: true });
    // Until the system's clock for files has gone on.
    do writeFileSync(path, patternOf(1_000_001).subarray(1));
    while (statSync(path, { bigint: true }).ctimeNs === before);
    expect(await codeOf(readAll(begun, 100_000, 100_000))).toBe("source-changed");
    begun.reader.close();
    await settled(begun);
  });

  test("and is cut short, also before where the server is, is found out where it ends", async () => {
    for (const from of [100_000, 900_000]) {
      const path = fileOf(bytes);
      const begun = await open(await openFileSource(path));
      (await begun.reader.chunkAt(0, 100_000)).block?.release();
      begun.reader.abandon();
      await settled(begun);
      truncateSync(path, 450_000);
      expect(await codeOf(readAll(begun, from, 100_000))).toBe("source-changed");
      begun.reader.close();
      await settled(begun);
    }
  });

  test("and grows is found out at its end", async () => {
    const path = fileOf(bytes);
    const begun = await open(await openFileSource(path));
    (await begun.reader.chunkAt(0, 100_000)).block?.release();
    appendFileSync(path, "more");
    expect(await codeOf(readAll(begun, 100_000, 100_000))).toBe("source-changed");
    begun.reader.close();
  });

  test("so that another one has its name is read on as it was opened, and found out at its end", async () => {
    const path = fileOf(bytes);
    const source = await openFileSource(path);
    renameSync(fileOf(patternOf(1_000_001).subarray(1)), path);
    const begun = await open(source);
    const { block } = await begun.reader.chunkAt(0, 100_000);
    expect(sha256(block?.bytes ?? new Uint8Array(0))).toBe(sha256(bytes.subarray(0, 100_000)));
    block?.release();
    expect(await codeOf(readAll(begun, 100_000, 100_000))).toBe("source-changed");
    begun.reader.close();
    expect(begun.network.messagesHeld).toBe(0);
  });
});

test("a file of which nobody knows the path is read on this thread", async () => {
  const path = fileOf(bytes);
  const begun = await open(await FileSource.over(await openRegularFile(path), { path: null, begin: 10 }));
  expect((await readAll(begun, 0, 65_536)).checksum).toBe(sha256(bytes.subarray(10)));
  begun.reader.close();
});

describe("a thread that fails", () => {
  const failing = (ending: string): ReadingThreadsOptions => ({
    ...{ threadsMax: 1, fileBytesMin: 1 },
    start: () => new ReadingThread(new URL(ending, import.meta.url).href),
  });

  for (const [how, ending] of [
    ["in words", "./failing-worker.ts"],
    ["by an error", "./failing-worker.ts?throws"],
    ["before it began", "./there-is-no-such-worker.ts"],
  ] as const)
    test(`${how} is told of once, and its file read on this thread`, async () => {
      const own = new ReadingThreads(failing(ending));
      const begun = await open(await openFileSource(fileOf(bytes)), own);
      expect((await readAll(begun, 300_000, 100_000)).checksum).toBe(sha256(bytes));
      // A thread that is slow to begin fails behind what was read here meanwhile.
      while (begun.notes.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(begun.notes).toEqual([expect.stringContaining("The thread that reads files failed")]);
      begun.reader.close();
      await settled(begun);
      expect(own.take(() => {})).toBeNull();
      own.close();
    });

  test("to start is told of, and nobody gets one", async () => {
    const start = (): ReadingThread => {
      throw new Error("too many threads");
    };
    const own = new ReadingThreads({ ...failing(""), start });
    await own.for(await openFileSource(fileOf(bytes)));
    const reasons: string[] = [];
    for (const _ of [1, 2]) expect(own.take((reason) => reasons.push(reason))).toBeNull();
    expect(reasons).toEqual(["too many threads"]);
  });
});

test("there are no more threads than allowed, and each serves one file after the other", async () => {
  const [first, second] = await Promise.all(
    [1, 2].map(async () => await open(await openFileSource(fileOf(bytes)))),
  );
  expect(threads.take(() => {})).toBeNull();
  for (const begun of [first, second]) begun?.reader.close();
  for (;;) {
    const taken = threads.take(() => {});
    if (taken !== null) {
      threads.giveBack(taken.thread);
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
});
