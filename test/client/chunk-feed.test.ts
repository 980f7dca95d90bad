// The one chunk that is kept ready: questions that are replaced, failures, memory.

import { expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { ChunkFeed } from "../../src/client/chunk-feed.ts";
import type { Source } from "../../src/client/source.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import { BytesSource, patternOf } from "./bytes-source.ts";

function feedOf(source: Source) {
  const network = new MemoryNetwork();
  const client = network.client();
  const told: string[] = [];
  const feed: ChunkFeed = new ChunkFeed(source, (length) => client.allocate(length), {
    onReady: () => told.push(`ready ${feed.ready?.offset}+${feed.ready?.length}`),
    onFailed: (error) => told.push(`${error.code}: ${error.message}`),
  });
  return { network, feed, told };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test("the chunk that was asked for gets ready, and whoever takes it owns it", async () => {
  const { feed, told, network } = feedOf(new BytesSource(patternOf(100)));
  feed.ask(0, 60);
  await settle();
  expect(told).toEqual(["ready 0+60"]);
  const chunk = feed.take();
  expect(feed.ready).toBeNull();
  feed.close();
  await settle();
  expect(network.messagesHeld).toBe(1);
  chunk.block?.release();
});

test("a question that was replaced is not answered, and its chunk is released", async () => {
  const { feed, told, network } = feedOf(new BytesSource(patternOf(100)));
  feed.ask(0, 10);
  feed.ask(50, 10);
  await settle();
  feed.ask(20, 10);
  await settle();
  expect(told).toEqual(["ready 50+10", "ready 20+10"]);
  feed.close();
  await settle();
  expect(network.messagesHeld).toBe(0);
});

test("the same question with another size is answered in that size", async () => {
  const { feed, told, network } = feedOf(new BytesSource(patternOf(100)));
  feed.ask(0, 40);
  feed.ask(0, 15);
  await settle();
  expect(told).toEqual(["ready 0+15"]);
  feed.close();
  await settle();
  expect(network.messagesHeld).toBe(0);
});

test("a failure is told as an operating error, and only to the question that it belongs to", async () => {
  const source = new BytesSource(patternOf(100));
  source.failAt = 50;
  const { feed, told } = feedOf(source);
  feed.ask(60, 10);
  feed.ask(0, 10);
  await settle();
  expect(told).toEqual(["ready 0+10"]);
  feed.ask(60, 10);
  await settle();
  expect(told.at(-1)).toBe("source: The disk reports an error");
});

test("an error that says what it is keeps its code", async () => {
  const source = new BytesSource(patternOf(0));
  source.changed = new DyncError("source-changed", "It changed");
  const { feed, told } = feedOf(source);
  feed.ask(0, 10);
  await settle();
  expect(told).toEqual(["source-changed: It changed"]);
});

test("after it was closed nothing is told, whatever was asked", async () => {
  const { feed, told, network } = feedOf(new BytesSource(patternOf(100)));
  feed.ask(0, 10);
  feed.close();
  await settle();
  expect(told).toEqual([]);
  expect(network.messagesHeld).toBe(0);
});
