// What becomes of an upload's bytes when the disk fails at the worst moment.

import { expect, test } from "bun:test";
import { MemoryStorage, type StorageOperation } from "../support/memory/storage.ts";

const id = "0".repeat(32);
const destination = { folder: "lab", name: "run.raw" };
const description = { sha256: "0".repeat(64), metadataText: "{}" };

/** Bytes on a disk on which every operation for which `fails` says so fails. */
async function sinkOn(fails: (type: StorageOperation["type"]) => boolean) {
  const storage = new MemoryStorage({
    before: ({ type }) => {
      if (fails(type)) throw new Error("EIO");
    },
  });
  storage.mount({ syncEveryBytes: 4, bootId: "boot" });
  const failures: unknown[] = [];
  const sink = await storage.begin(id, "file", {
    onStored: () => {},
    onNote: () => {},
    onFailed: (error) => failures.push(error),
    onRefused: (error) => failures.push(error),
  });
  return { storage, sink, failures };
}

test("what a failed sync left is not published, also when the sync ran beside the last write", async () => {
  let syncs = 0;
  const { storage, sink, failures } = await sinkOn((type) => type === "sync" && ++syncs === 1);
  sink.write({ offset: 0, data: new Uint8Array(4), release: () => {} });
  await expect(sink.publish(destination, description)).rejects.toThrow("could not be made durable");
  expect(failures).toHaveLength(1);
  expect(storage.published()).toEqual([]);
});

test("after publishing failed no other sync makes the bytes seem durable", async () => {
  let syncs = 0;
  const { sink } = await sinkOn((type) => type === "sync" && ++syncs === 1);
  sink.write({ offset: 0, data: new Uint8Array(3), release: () => {} });
  await expect(sink.publish(destination, description)).rejects.toThrow("could not be made durable");
  expect(await sink.close()).toEqual({ durable: 0, mark: null });
  expect(syncs).toBe(1);
});
