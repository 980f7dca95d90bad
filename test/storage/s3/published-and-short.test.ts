// What is published beside something else: it stores nothing by itself to make room for others, which nobody would take away any more; and it waits for
// a name of which only what is being taken away had something.

import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { codeOf, descriptionOf, idOf } from "../contract.ts";
import { chunkBytes, ModelWorld, partBytes } from "./model-world.ts";
import { SentUpload } from "./sent-upload.ts";

// Of a model: what can happen without time that passes has happened.
const turns = 500;
const memoryBytes = 64 * partBytes;

test("an upload that is published leaves no piece behind where another one needs memory meanwhile", async () => {
  const world = new ModelWorld();
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const small = randomBytes(partBytes - chunkBytes);
  const storage = world.open((client) => ({
    put: async (key, body, options, patience) => {
      if (key === "anna/1.raw") {
        asked.resolve();
        await held.promise;
      }
      return await client.put(key, body, options, patience);
    },
  }));
  const first = new SentUpload(1, small, small.length, storage.emptyNote, chunkBytes);
  const sink = await first.begin(storage);
  await first.send(sink, 0, small.length);
  const published = first.publish(sink);
  await asked.promise;
  const large = randomBytes(memoryBytes);
  const second = new SentUpload(2, large, large.length, storage.emptyNote, memoryBytes);
  const other = await second.begin(storage);
  const sent = second.send(other, 0, large.length);
  for (let turn = 0; turn < turns; turn++) await setImmediate();
  expect(world.store.keys(".dync/")).toEqual([]);
  held.resolve();
  await published;
  await sent;
  await second.publish(other);
  for (const upload of [first, second]) world.expectWhole(upload);
});

test("a file whose name a dataset of this server still holds, of which nothing is in the store, is not refused for good", async () => {
  const world = new ModelWorld();
  const storage = world.open();
  const destination = { folder: "anna", name: "2.raw" };
  const events = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };
  const dataset = await storage.begin(idOf(1), "plain", events, { destination });
  const file = new SentUpload(2, randomBytes(100), 100, storage.emptyNote, chunkBytes);
  const sink = await file.begin(storage);
  await file.send(sink, 0, 100);
  expect(
    await codeOf(sink.publish(destination, descriptionOf(idOf(2), "anna", "2.raw", new Uint8Array(100)))),
  ).toBe("not-ready");
  await dataset.discard();
  await sink.close();
});
