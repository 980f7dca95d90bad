// Space that admitted uploads will still need: never promised twice.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Room } from "../../src/server/room.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { codeOf, idOf } from "../storage/contract.ts";

const MiB = 1024 * 1024;

function roomOf(capacity?: number): Room {
  return new Room(new MemoryStorage(capacity === undefined ? {} : { capacity }));
}

describe("room", () => {
  test("is kept for an upload until it is released", async () => {
    const room = roomOf(11 * MiB);
    await room.reserve("a", 6 * MiB);
    expect(await codeOf(room.reserve("b", 6 * MiB))).toBe("no-space");
    room.release("a");
    await room.reserve("b", 6 * MiB);
  });

  test("of which nothing is left for other things is not given away", async () => {
    expect(await codeOf(roomOf(10 * MiB).reserve("a", 10 * MiB))).toBe("no-space");
  });

  test("is set free as the bytes reach the disk, and never more than was set aside", async () => {
    const room = roomOf(11 * MiB);
    await room.reserve("a", 6 * MiB);
    room.use("a", 2 * MiB);
    await room.reserve("b", 6 * MiB);
    room.use("a", 100 * MiB);
    await room.reserve("c", 4 * MiB);
    expect(await codeOf(room.reserve("d", 1))).toBe("no-space");
  });

  test("for an upload of unknown size only has to be there at all", async () => {
    const room = roomOf(2 * MiB);
    await room.reserve("a", null);
    await room.reserve("b", 1 * MiB);
    expect(await codeOf(room.reserve("c", null))).toBe("no-space");
  });

  test("without an end is given to everybody", async () => {
    const room = roomOf();
    await room.reserve("a", 2 ** 50);
    await room.reserve("b", 2 ** 50);
  });

  test("that is missing is told in bytes", async () => {
    const refused = roomOf(2 * MiB).reserve("a", 3 * MiB);
    expect(refused).rejects.toThrow("1048576 bytes are free, the upload needs 3145728");
    await refused.catch(() => {});
  });

  test("that nobody reserved can be used and released without harm", async () => {
    const room = roomOf(2 * MiB);
    room.use("a", 5);
    room.release("a");
    await room.reserve("b", MiB);
  });
});

test("what is written while the free space is asked for is not counted twice", async () => {
  let onAsked = (): void => {};
  class AskedStorage extends MemoryStorage {
    override async freeBytes(): Promise<number | null> {
      const free = await super.freeBytes();
      onAsked();
      return free;
    }
  }
  const room = new Room(new AskedStorage({ capacity: 11 * MiB }));
  await room.reserve("a", 6 * MiB);
  onAsked = () => room.use("a", 6 * MiB);
  expect(await codeOf(room.reserve("b", 6 * MiB))).toBe("no-space");
});

test("admissions at the same time never get more than there is, and one that fits alone is let in", async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 20 * MiB }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2 * MiB, max: 30 * MiB }), sizes, async (capacity, wanted) => {
      const room = roomOf(capacity);
      const granted = await Promise.all(
        wanted.map((bytes, index) =>
          room.reserve(idOf(index), bytes).then(
            () => bytes,
            () => 0,
          ),
        ),
      );
      const total = granted.reduce((sum, bytes) => sum + bytes, 0);
      expect(total).toBeLessThanOrEqual(capacity - MiB);
      const first = wanted[0] as number;
      if (first <= capacity - MiB) expect(granted[0]).toBe(first);
    }),
  );
});
