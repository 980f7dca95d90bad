// The checksum that survives a restart: whatever is hashed, kept, gone back to and lost in between, it is that of the bytes before its position.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { SavedHash } from "../../../src/client/live/saved-hash.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { patternOf } from "../bytes-source.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const digestOf = (hash: SavedHash): string => Buffer.from(hash.digest()).toString("hex");

type Move =
  | { readonly type: "update"; readonly bytes: number }
  | { readonly type: "keep" }
  | { readonly type: "back"; readonly share: number }
  | { readonly type: "reopen" }
  /** The end of the file is lost, or damaged. */
  | { readonly type: "crash"; readonly share: number; readonly isDamaged: boolean };

const moves = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("update" as const), bytes: fc.integer({ min: 0, max: 200 }) }),
    fc.record({ type: fc.constant("keep" as const) }),
    fc.record({ type: fc.constant("back" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ type: fc.constant("reopen" as const) }),
    fc.record({
      type: fc.constant("crash" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      isDamaged: fc.boolean(),
    }),
  ),
  { maxLength: 40 },
);

test("it is the checksum of what is before its position, after whatever happened", async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (all: readonly Move[]) => {
      await using folder = await tempFolder();
      const file = folder.file("sha256");
      let hash = await SavedHash.open(file);
      // Each way back leads to other bytes.
      let bytes = new Uint8Array(0);
      let salt = 0;
      for (const move of all) {
        if (move.type === "update") {
          const more = patternOf(move.bytes).map((byte) => byte ^ salt++);
          bytes = Buffer.concat([bytes, more]);
          hash.update(more);
        } else if (move.type === "keep") hash.keep();
        else if (move.type === "back") {
          const offset = Math.floor(move.share * bytes.length);
          hash.goBack(offset);
          expect(hash.position).toBeLessThanOrEqual(offset);
        } else {
          hash.close();
          if (move.type === "crash") await spoil(file, move);
          hash = await SavedHash.open(file);
          expect(hash.position).toBe(0);
          hash.goBack(bytes.length);
        }
        bytes = bytes.subarray(0, hash.position);
        expect(digestOf(hash)).toBe(sha256(bytes));
      }
      hash.close();
    }),
    { numRuns: 60 },
  );
});

async function spoil(file: string, { share, isDamaged }: Extract<Move, { type: "crash" }>): Promise<void> {
  const bytes = await readFile(file);
  const at = Math.floor(share * bytes.length);
  if (!isDamaged) return await truncate(file, at);
  // As some file systems leave what was not synced.
  await writeFile(file, bytes.fill(0, at));
}

test("every chunk's end can be gone back to without hashing anything, in this process and in the next", async () => {
  await using folder = await tempFolder();
  const bytes = patternOf(50_000);
  const ends = [1000, 17_384, 33_000, 50_000];
  const first = await SavedHash.open(folder.file("sha256"));
  for (const [index, end] of ends.entries()) {
    first.update(bytes.subarray(ends[index - 1] ?? 0, end));
    first.keep();
  }
  first.close();
  for (const end of [...ends].reverse()) {
    const again = await SavedHash.open(folder.file("sha256"));
    again.goBack(end);
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
    hash.keep();
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
    again.goBack(offset);
    expect(again.position).toBeGreaterThanOrEqual(offset - far);
    const bytes = Uint8Array.from({ length: again.position }, (_, at) => at);
    expect(digestOf(again)).toBe(sha256(bytes));
  }
  again.close();
});
