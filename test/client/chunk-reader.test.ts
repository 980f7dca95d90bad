// The chunk reader, case by case: failures, what a stream keeps, what is read how often.

import { expect, test } from "bun:test";
import { ChunkReader } from "../../src/client/chunk-reader.ts";
import type { Source } from "../../src/client/source.ts";
import { MemoryNetwork } from "../support/memory/network.ts";
import { BytesSource, codeOf, patternOf, sha256, streamOf } from "./bytes-source.ts";

function readerOf(source: Source) {
  const network = new MemoryNetwork();
  const client = network.client();
  return { network, reader: new ChunkReader(source, (length) => client.allocate(length)) };
}

test("an empty source is its end, with the checksum of nothing", async () => {
  for (const source of [new BytesSource(patternOf(0)), streamOf(patternOf(0))]) {
    const chunk = await readerOf(source).reader.chunkAt(0, 10);
    expect(chunk.block).toBeNull();
    expect(Buffer.from(chunk.checksum ?? []).toString("hex")).toBe(sha256(patternOf(0)));
  }
});

test("the end can be asked for again", async () => {
  const { reader } = readerOf(new BytesSource(patternOf(5)));
  (await reader.chunkAt(0, 10)).block?.release();
  const ends = [await reader.chunkAt(5, 10), await reader.chunkAt(5, 10)];
  for (const end of ends) expect(Buffer.from(end.checksum ?? []).toString("hex")).toBe(sha256(patternOf(5)));
});

test("a jump ahead, to what the server has already, hashes what lies between", async () => {
  const bytes = patternOf(100);
  const { reader } = readerOf(new BytesSource(bytes));
  const chunk = await reader.chunkAt(90, 40);
  expect(Buffer.from(chunk.block?.bytes ?? [])).toEqual(Buffer.from(bytes.subarray(90)));
  chunk.block?.release();
  expect(Buffer.from((await reader.chunkAt(100, 10)).checksum ?? []).toString("hex")).toBe(sha256(bytes));
});

test("a stream keeps only what was not forgotten", async () => {
  const { reader, network } = readerOf(streamOf(patternOf(60)));
  for (const offset of [0, 10, 20]) (await reader.chunkAt(offset, 10)).block?.release();
  reader.forgetBefore(20);
  const again = await reader.chunkAt(20, 10);
  expect(again.length).toBe(10);
  again.block?.release();
  expect(await codeOf(reader.chunkAt(10, 10))).toBe("source");
  expect(network.messagesHeld).toBe(0);
});

test("a rewind in a stream after the chunks became smaller gives chunks of the new size", async () => {
  const bytes = patternOf(60);
  const { reader } = readerOf(streamOf(bytes));
  for (const offset of [0, 20]) (await reader.chunkAt(offset, 20)).block?.release();
  const chunk = await reader.chunkAt(0, 8);
  expect(Buffer.from(chunk.block?.bytes ?? [])).toEqual(Buffer.from(bytes.subarray(0, 8)));
  chunk.block?.release();
});

test("a read that fails keeps no memory", async () => {
  const source = new BytesSource(patternOf(100));
  source.failAt = 25;
  const { reader, network } = readerOf(source);
  for (const offset of [0, 10]) (await reader.chunkAt(offset, 10)).block?.release();
  expect(reader.chunkAt(20, 10)).rejects.toThrow("The disk reports an error");
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(network.messagesHeld).toBe(0);
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
  for (const offset of [0, 10, 20]) (await first.chunkAt(offset, 10)).block?.release();
  expect(await codeOf(first.chunkAt(30, 10))).toBe("source-changed");
  expect(await codeOf(readerOf(shortened).reader.chunkAt(40, 10))).toBe("source-changed");

  const changed = new BytesSource(patternOf(10));
  changed.changed = new Error("It changed");
  const second = readerOf(changed).reader;
  (await second.chunkAt(0, 10)).block?.release();
  expect(second.chunkAt(10, 10)).rejects.toThrow("It changed");
});
