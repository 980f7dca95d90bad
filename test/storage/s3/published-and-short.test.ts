// What is published has its bytes in a request: it stores nothing by itself to make room for others, which nobody would take away any more.

import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
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
