// Parts whose pieces are in the store alone are read again when they are stored, which takes memory besides the budget: of all uploads no more than
// two have such a body at a time, however long the store takes for it.

import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Sink } from "../../../src/storage/storage.ts";
import { chunkBytes, ModelWorld, partBytes } from "./model-world.ts";
import { SentUpload } from "./sent-upload.ts";

const uploads = 6;
const pieceBytes = partBytes / 2;
const bodiesMax = 2;
// Of a model: what can happen without time that passes has happened.
const turns = 500;

test.each([
  ["parts of files", partBytes + pieceBytes],
  ["files that are less than a part", partBytes - chunkBytes],
])("%s that were put away are put together again two at a time", async (_what, bytes) => {
  const world = new ModelWorld();
  const held = Promise.withResolvers<void>();
  let [asked, most] = [0, 0];
  /** Does `store` when the store takes it. */
  async function slowly<T>(body: readonly Uint8Array[], store: () => Promise<T>): Promise<T> {
    const isPutTogether = body.reduce((sum, { length }) => sum + length, 0) > pieceBytes;
    if (!isPutTogether) return await store();
    most = Math.max(most, ++asked);
    await held.promise;
    asked--;
    return await store();
  }
  const storage = world.open((client) => ({
    putPart: (target, number, body, patience) =>
      slowly(body, () => client.putPart(target, number, body, patience)),
    put: (key, body, options, patience) => slowly(body, () => client.put(key, body, options, patience)),
  }));
  const sent = Array.from(
    { length: uploads },
    (_, at) => new SentUpload(at + 1, randomBytes(bytes), bytes, storage.emptyNote, chunkBytes),
  );
  for (const upload of sent) {
    const sink = await upload.begin(storage);
    await upload.send(sink, 0, pieceBytes);
    upload.note = await sink.close();
    expect(upload.note.durable).toBe(pieceBytes);
  }
  const published = Promise.all(
    sent.map(async (upload) => {
      const sink = (await upload.resume(storage)) as Sink;
      await upload.send(sink, sink.length, bytes);
      await upload.publish(sink);
    }),
  );
  for (let turn = 0; turn < turns; turn++) await setImmediate();
  expect(most).toBe(bodiesMax);
  held.resolve();
  await published;
  expect(most).toBe(bodiesMax);
  for (const upload of sent) world.expectWhole(upload);
});
