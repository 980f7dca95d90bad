// Chunks get shorter on a line that brings nothing across, and long again on one that does.

import { expect, test } from "bun:test";
import { ChunkSize } from "../../src/protocol/chunk-size.ts";
import { limits } from "../../src/protocol/limits.ts";

const KiB = 1024;

test("ChunkSize is what the server allows while connections bring chunks across", () => {
  const size = new ChunkSize();
  expect(size.allow(1024 * KiB)).toBe(false);
  expect(size.connected(10 * 1024 * KiB)).toBe(false);
  expect(size.length).toBe(1024 * KiB);
});

test("ChunkSize halves with each connection that brought less than two chunks across, down to its floor", () => {
  const size = new ChunkSize();
  size.allow(64 * KiB);
  const lengths = [1, 2, 3, 4].map(() => {
    size.connected(0);
    return size.length / KiB;
  });
  expect(lengths).toEqual([32, 16, 16, 16]);
  expect(size.length).toBe(limits.chunkBytesSlow);
});

test("ChunkSize doubles after 64 chunks on one connection, up to what is allowed", () => {
  const size = new ChunkSize();
  size.allow(64 * KiB);
  size.connected(0);
  size.connected(0);
  for (let sent = 0; sent < 63; sent++) size.sent();
  expect(size.length).toBe(16 * KiB);
  for (let sent = 0; sent < 1000; sent++) size.sent();
  expect(size.length).toBe(64 * KiB);
});

test("ChunkSize obeys a server that allows less than before, and one whose chunks are tiny", () => {
  const size = new ChunkSize();
  size.allow(64 * KiB);
  expect(size.allow(4 * KiB)).toBe(true);
  expect(size.connected(0)).toBe(false);
  expect(size.length).toBe(4 * KiB);
});
