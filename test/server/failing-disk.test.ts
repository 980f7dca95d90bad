// What becomes of an upload's bytes when the disk fails at the worst moment.

import { expect, test } from "bun:test";
import { StoredBytes } from "../../src/server/stored-bytes.ts";
import { MemoryStorage, type StorageOperation } from "../../src/storage/memory-storage.ts";

const id = "0".repeat(32);
const destination = { user: "lab", name: "run.raw" };
const description = { sha256: "0".repeat(64), metadataText: "{}" };

/** Bytes on a disk on which every operation for which `fails` says so fails. */
async function bytesOn(fails: (type: StorageOperation["type"]) => boolean) {
  const storage = new MemoryStorage({
    before: ({ type }) => {
      if (fails(type)) throw new Error("EIO");
    },
  });
  const failures: unknown[] = [];
  const bytes = new StoredBytes(await storage.create(id), 0, 4, {
    onWritten: () => {},
    onDurable: () => {},
    onFailed: (error) => failures.push(error),
  });
  return { storage, bytes, failures };
}

test("what a failed sync left is not published, also when the sync ran beside the last write", async () => {
  let syncs = 0;
  const { storage, bytes, failures } = await bytesOn((type) => type === "sync" && ++syncs === 1);
  bytes.write({ data: new Uint8Array(4), release: () => {} });
  await expect(bytes.publish(destination, description)).rejects.toThrow("could not be made durable");
  expect(failures).toHaveLength(1);
  expect(storage.published()).toEqual([]);
});

test("after publishing failed no other sync makes the bytes seem durable", async () => {
  let syncs = 0;
  const { bytes } = await bytesOn((type) => type === "sync" && ++syncs === 1);
  bytes.write({ data: new Uint8Array(3), release: () => {} });
  await expect(bytes.publish(destination, description)).rejects.toThrow("EIO");
  expect(await bytes.close()).toBe(0);
  expect(bytes.isSuspect).toBe(true);
  expect(syncs).toBe(1);
});

test("after a failed read the partial is let go as it is", async () => {
  const { bytes } = await bytesOn((type) => type === "read");
  bytes.write({ data: new Uint8Array(3), release: () => {} });
  await new Promise((resolve) => setImmediate(resolve));
  await expect(bytes.rehash(new AbortController().signal)).rejects.toThrow("EIO");
  expect(await bytes.close()).toBe(0);
  expect(bytes.isSuspect).toBe(false);
});

test("chunks are counted until they left the memory", async () => {
  const { bytes } = await bytesOn(() => false);
  bytes.write({ data: new Uint8Array(1), release: () => {} });
  bytes.write({ data: new Uint8Array(1), release: () => {} });
  expect(bytes.unwritten).toBe(2);
  await bytes.close();
  expect(bytes.unwritten).toBe(0);
});
