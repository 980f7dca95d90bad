// The checksum that survives a restart: whatever is read ahead, sent, gone back to and lost in between, it is that of the bytes before its
// position, as they were sent last.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { SavedHash } from "../../../src/client/live/saved-hash.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { patternOf } from "../bytes-source.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const digestOf = (hash: SavedHash): string => Buffer.from(hash.digest()).toString("hex");

const share = fc.double({ min: 0, max: 1, noNaN: true });
const moves = fc.array(
  fc.oneof(
    /** A chunk is read ahead. */
    fc.record({ type: fc.constant("read" as const), bytes: fc.integer({ min: 1, max: 200 }) }),
    /** The first chunk that was read ahead is sent. */
    fc.record({ type: fc.constant("send" as const) }),
    /** Chunks that were read ahead are read again, in other lengths. */
    fc.record({ type: fc.constant("again" as const), share }),
    /** The server wants to go on elsewhere. */
    fc.record({ type: fc.constant("jump" as const), share }),
    fc.record({ type: fc.constant("reopen" as const), share }),
    /** The end of the file is lost, or damaged. */
    fc.record({ type: fc.constant("crash" as const), share, isDamaged: fc.boolean() }),
  ),
  { maxLength: 60 },
);

test("it is the checksum of what is before its position, after whatever happened", async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      await using folder = await tempFolder();
      const file = folder.file("sha256");
      let hash = await SavedHash.open(file);
      let sent: Uint8Array = new Uint8Array(0);
      // What was read ahead, from where on, and the ends of its chunks.
      let ahead: { from: number; bytes: Uint8Array; ends: number[] } = { from: 0, bytes: sent, ends: [] };
      let salt = 0;
      const end = (): number => ahead.from + ahead.bytes.length;
      const goOn = (offset: number): void => {
        ahead = { from: offset, bytes: new Uint8Array(0), ends: [] };
        expect(hash.position).toBeLessThanOrEqual(offset);
        expect(digestOf(hash)).toBe(sha256(sent.subarray(0, hash.position)));
        hash.update(sent.subarray(hash.position, offset));
        hash.note();
      };
      for (const move of all) {
        if (move.type === "read") {
          // Each time something else.
          const more = patternOf(move.bytes).map((byte) => byte ^ salt++);
          hash.update(more);
          hash.note();
          ahead.bytes = Buffer.concat([ahead.bytes, more]);
          ahead.ends.push(end());
        } else if (move.type === "send") {
          const first = ahead.ends.shift();
          if (first === undefined) continue;
          hash.sent(ahead.from, first);
          const { from, bytes } = ahead;
          sent = Buffer.concat([sent.subarray(0, from), bytes.subarray(0, first - from)]);
          ahead = { from: first, bytes: bytes.subarray(first - from), ends: ahead.ends };
        } else if (move.type === "again") {
          const offset = [ahead.from, ...ahead.ends][Math.floor(move.share * ahead.ends.length)]!;
          hash.goAlong(offset);
          expect(hash.position).toBe(offset);
          ahead.bytes = ahead.bytes.subarray(0, offset - ahead.from);
          ahead.ends = ahead.ends.filter((it) => it <= offset);
        } else {
          if (move.type !== "jump") {
            hash.close();
            if (move.type === "crash") await spoil(file, move);
            hash = await SavedHash.open(file);
          }
          const offset = Math.floor(move.share * sent.length);
          hash.goTo(offset);
          goOn(offset);
        }
        expect(hash.position).toBe(end());
        expect(digestOf(hash)).toBe(sha256(Buffer.concat([sent.subarray(0, ahead.from), ahead.bytes])));
      }
      hash.close();
    }),
    { numRuns: 100 },
  );
});

async function spoil(
  file: string,
  { share, isDamaged }: { readonly share: number; readonly isDamaged: boolean },
): Promise<void> {
  const bytes = await readFile(file);
  const at = Math.floor(share * bytes.length);
  if (!isDamaged) return await truncate(file, at);
  // As some file systems leave what was not synced.
  await writeFile(file, bytes.fill(0, at));
}

test("the end of each chunk that was sent is known in the next process, also where that read something else first", async () => {
  await using folder = await tempFolder();
  const bytes = patternOf(50_000);
  const ends = [1000, 17_384, 33_000, 50_000];
  const first = await SavedHash.open(folder.file("sha256"));
  for (const [index, end] of ends.entries()) {
    const from = ends[index - 1] ?? 0;
    first.update(bytes.subarray(from, end));
    first.note();
    first.sent(from, end);
  }
  first.close();
  for (const end of [...ends].reverse()) {
    const again = await SavedHash.open(folder.file("sha256"));
    again.goTo(0);
    again.update(patternOf(20_000).reverse());
    again.note();
    again.goTo(end);
    expect(again.position).toBe(end);
    expect(digestOf(again)).toBe(sha256(bytes.subarray(0, end)));
    again.close();
  }
});

test("of very many states the newer ones stay, and some of the older", async () => {
  await using folder = await tempFolder();
  const hash = await SavedHash.open(folder.file("sha256"));
  const count = 40_000;
  for (let at = 0; at < count; at++) {
    hash.update(Uint8Array.of(at));
    hash.note();
    hash.sent(at, at + 1);
  }
  hash.close();
  expect((await readFile(folder.file("sha256"))).length).toBeLessThan(1_200_000);
  const again = await SavedHash.open(folder.file("sha256"));
  for (const [offset, far] of [
    [count, 0],
    [count - 4000, 0],
    [count / 2, 32],
    [count / 10, 32],
  ] as const) {
    again.goTo(offset);
    expect(again.position).toBeGreaterThanOrEqual(offset - far);
    const bytes = Uint8Array.from({ length: again.position }, (_, at) => at);
    expect(digestOf(again)).toBe(sha256(bytes));
  }
  again.close();
});
