// The chunk reader, case by case: failures, what a stream keeps, what is read how often.

import { expect, test } from "bun:test";
import { ChunkReader } from "../../src/client/chunk-reader.ts";
import type { Source } from "../../src/client/source.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import { BytesSource, codeOf, patternOf, sha256, streamOf } from "./bytes-source.ts";

function readerOf(source: Source, chunkBytes = 10, readAhead = 3) {
  const network = new MemoryNetwork();
  const client = network.client();
  const allocate = (length: number) => client.allocate(length);
  return {
    network,
    reader: new ChunkReader(source, { chunkBytes, readAheadBytes: readAhead * chunkBytes, allocate }),
  };
}

async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

test("an empty source is its end, with the checksum of nothing", async () => {
  for (const source of [new BytesSource(patternOf(0)), streamOf(patternOf(0))]) {
    const chunk = await readerOf(source).reader.chunkAt(0);
    expect(chunk.block).toBeNull();
    expect(Buffer.from(chunk.checksum ?? []).toString("hex")).toBe(sha256(patternOf(0)));
  }
});

test("the end can be asked for again", async () => {
  const { reader } = readerOf(new BytesSource(patternOf(5)));
  (await reader.chunkAt(0)).block?.release();
  const ends = [await reader.chunkAt(5), await reader.chunkAt(5)];
  for (const end of ends) expect(Buffer.from(end.checksum ?? []).toString("hex")).toBe(sha256(patternOf(5)));
});

test("while one chunk is used, the next ones are read already", async () => {
  const source = new BytesSource(patternOf(100));
  const { reader } = readerOf(source, 10, 3);
  const first = await reader.chunkAt(0);
  await turns();
  expect(source.reads).toBe(4);
  first.block?.release();
  reader.close();
});

test("a jump ahead, to what the server has already, hashes what lies between", async () => {
  const bytes = patternOf(100);
  const { reader } = readerOf(new BytesSource(bytes), 40);
  const chunk = await reader.chunkAt(90);
  expect(Buffer.from(chunk.block?.bytes ?? [])).toEqual(Buffer.from(bytes.subarray(90)));
  chunk.block?.release();
  expect(Buffer.from((await reader.chunkAt(100)).checksum ?? []).toString("hex")).toBe(sha256(bytes));
});

test("a stream keeps only what was not forgotten", async () => {
  const { reader, network } = readerOf(streamOf(patternOf(60)), 10);
  for (const offset of [0, 10, 20]) (await reader.chunkAt(offset)).block?.release();
  reader.forgetBefore(20);
  const again = await reader.chunkAt(20);
  expect(again.length).toBe(10);
  again.block?.release();
  expect(await codeOf(reader.chunkAt(10))).toBe("source");
  reader.close();
  await turns();
  expect(network.messagesHeld).toBe(0);
});

test("a rewind in a stream after the chunks became smaller gives chunks of the new size", async () => {
  const bytes = patternOf(60);
  const { reader } = readerOf(streamOf(bytes), 20);
  for (const offset of [0, 20]) (await reader.chunkAt(offset)).block?.release();
  reader.resize(8);
  const chunk = await reader.chunkAt(0);
  expect(Buffer.from(chunk.block?.bytes ?? [])).toEqual(Buffer.from(bytes.subarray(0, 8)));
  chunk.block?.release();
});

test("a read that fails is told to whoever asked for that chunk, and to nobody else", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const source = new BytesSource(patternOf(100));
  source.failAt = 25;
  const { reader, network } = readerOf(source, 10, 5);
  for (const offset of [0, 10]) (await reader.chunkAt(offset)).block?.release();
  expect(reader.chunkAt(20)).rejects.toThrow("The disk reports an error");
  await turns();
  reader.close();
  await new Promise<void>((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
  expect(network.messagesHeld).toBe(0);
});

test("a failed read ahead that nobody asked for any more is no failure", async () => {
  const source = new BytesSource(patternOf(100));
  source.failAt = 25;
  const { reader } = readerOf(source, 10, 5);
  (await reader.chunkAt(0)).block?.release();
  await turns();
  const chunk = await reader.chunkAt(5);
  expect(chunk.length).toBe(10);
  chunk.block?.release();
  reader.close();
});

test("a file that ends before its size, or changed, has no end", async () => {
  const short = new BytesSource(patternOf(30));
  const shortened: Source = {
    modified: null,
    size: 40,
    canSeek: true,
    read: (offset, into) => short.read(offset, into),
    verifyUnchanged: () => short.verifyUnchanged(),
    close: () => short.close(),
  };
  const first = readerOf(shortened).reader;
  for (const offset of [0, 10, 20]) (await first.chunkAt(offset)).block?.release();
  expect(await codeOf(first.chunkAt(30))).toBe("source-changed");
  expect(await codeOf(readerOf(shortened).reader.chunkAt(40))).toBe("source-changed");

  const changed = new BytesSource(patternOf(10));
  changed.changed = new Error("It changed");
  const second = readerOf(changed).reader;
  (await second.chunkAt(0)).block?.release();
  expect(second.chunkAt(10)).rejects.toThrow("It changed");
});

test("what is being read when the reader is closed is released", async () => {
  const { reader, network } = readerOf(new BytesSource(patternOf(1000)), 10, 5);
  (await reader.chunkAt(0)).block?.release();
  const asked = reader.chunkAt(500);
  reader.close();
  (await asked).block?.release();
  await turns();
  expect(network.messagesHeld).toBe(0);
});
