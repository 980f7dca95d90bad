// What is kept of a stream, and how much more may be sent of it.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { keepingFor, ResendWindow } from "../../src/protocol/client/resend-window.ts";
import { limits } from "../../src/protocol/limits.ts";

const { keptBytesMax, keptChunkBytesMax, maxQueueMax } = limits;
const telling = { chunksMax: 8, chunkBytes: keptChunkBytesMax, tellsStored: true };

test("no more is sent than is kept, until the server says that something is stored", () => {
  const kept = new ResendWindow();
  kept.allow(telling);
  let end = 0;
  for (; kept.room >= keptChunkBytesMax; end += keptChunkBytesMax) kept.push(end, keptChunkBytesMax);
  expect([kept.start, end]).toEqual([0, keptBytesMax]);
  kept.stored(3 * keptChunkBytesMax + 1);
  expect(kept.start).toBe(3 * keptChunkBytesMax);
  expect(kept.room).toBe(3 * keptChunkBytesMax + 1);
});

test("of short chunks no more is sent than can be listed", () => {
  const kept = new ResendWindow();
  kept.allow({ ...telling, chunksMax: 1 });
  let end = 0;
  for (; kept.room >= 0; end += 1) kept.push(end, 1);
  expect(end).toBe(maxQueueMax);
  kept.stored(10);
  for (; kept.room >= 0; end += 1) kept.push(end, 1);
  expect(end).toBe(maxQueueMax + 10);
});

test("what is stored is kept as well, as far as the last chunks reach and there is room", () => {
  const kept = new ResendWindow();
  kept.allow({ ...telling, chunksMax: 100 });
  for (let at = 0; at < 20; at += 1) kept.push(at, 1);
  kept.stored(20);
  expect(kept.start).toBe(0);
  for (let at = 0; at < 2 * keptBytesMax; at += keptChunkBytesMax) {
    kept.push(20 + at, keptChunkBytesMax);
    kept.stored(20 + at + keptChunkBytesMax);
  }
  expect(kept.start).toBe(20 + keptBytesMax);
});

test.each([
  ["ours", { tags: true, stored: true }, 8],
  ["an older one of ours", { tags: true }, 128],
  ["the original", {}, 8],
])("for %s so many chunks are kept from the beginning", (_, info, chunksMax) => {
  const terms = { credit: 1, chunkBytes: 2 ** 20, maxQueue: 8, info };
  const keeping = keepingFor({ type: "upload-approved", ...terms }, false, 2 * keptBytesMax);
  expect(keeping).toMatchObject({ chunksMax, chunkBytes: Math.min(2 ** 20, keptBytesMax / chunksMax) });
});

test("chunks are smaller where many must be kept", () => {
  const keeps = (canSeek: boolean, maxQueue: number) => {
    const terms = { credit: 1, chunkBytes: 2 ** 30, maxQueue, info: {} };
    return keepingFor({ type: "upload-approved", ...terms }, canSeek, 2 * keptBytesMax);
  };
  expect(keeps(false, 1024)).toMatchObject({ chunkBytes: keptBytesMax / 1024, chunksMax: 1024 });
  expect(keeps(true, 1024)).toMatchObject({ chunkBytes: limits.chunkBytesMax });
  expect(keeps(false, maxQueueMax + 1)).toBeNull();
});

test("whatever gets lost, what is not stored can be sent again, and takes no more room than it may", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("send"), length: fc.integer({ min: 1, max: keptChunkBytesMax }) }),
    fc.record({ type: fc.constantFrom("accept", "store"), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ type: fc.constantFrom("tell", "gap", "restart") }),
  );
  const steps = fc.array(step, { minLength: 50, maxLength: 500 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), steps, (chunksMax, all) => {
      const kept = new ResendWindow();
      kept.allow({ ...telling, chunksMax });
      let [stored, accepted, sent] = [0, 0, 0];
      for (const it of all) {
        if ("length" in it && it.length <= kept.room) {
          kept.push(sent, it.length);
          sent += it.length;
        }
        if ("part" in it && it.type === "accept") accepted += Math.floor((sent - accepted) * it.part);
        if ("part" in it && it.type === "store") stored += Math.floor((accepted - stored) * it.part);
        if (it.type === "tell") kept.stored(stored);
        if (it.type === "restart") accepted = stored;
        if (it.type === "restart" || it.type === "gap") {
          kept.rewind(accepted);
          sent = accepted;
        }
        expect(kept.start).toBeLessThanOrEqual(stored);
        expect(sent - kept.start).toBeLessThanOrEqual(keptBytesMax);
      }
      kept.stored(stored);
      if (stored === sent) expect(kept.room).toBeGreaterThanOrEqual(keptChunkBytesMax);
    }),
    { numRuns: 200 },
  );
});
