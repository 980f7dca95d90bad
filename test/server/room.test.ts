// Space that admitted uploads will still need: never promised twice.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Room } from "../../src/server/room.ts";
import { codeOf, idOf } from "../storage/contract.ts";
import { MemoryStorage } from "../support/memory/storage.ts";

const MiB = 1024 * 1024;

function roomOf(capacity?: number): Room {
  return new Room(new MemoryStorage(capacity === undefined ? {} : { capacity }));
}

describe("room", () => {
  test("is kept for an upload until it is released", async () => {
    const room = roomOf(11 * MiB);
    await room.reserve("a", "anna", 6 * MiB);
    expect(await codeOf(room.reserve("b", "anna", 6 * MiB))).toBe("no-space");
    room.release("a");
    await room.reserve("b", "anna", 6 * MiB);
  });

  test("of which nothing is left for other things is not given away", async () => {
    expect(await codeOf(roomOf(10 * MiB).reserve("a", "anna", 10 * MiB))).toBe("no-space");
  });

  test("is set free as the bytes reach the disk, and never more than was set aside", async () => {
    const room = roomOf(11 * MiB);
    await room.reserve("a", "anna", 6 * MiB);
    room.use("a", 2 * MiB);
    await room.reserve("b", "anna", 6 * MiB);
    room.use("a", 100 * MiB);
    await room.reserve("c", "anna", 4 * MiB);
    expect(await codeOf(room.reserve("d", "anna", 1))).toBe("no-space");
  });

  test("for an upload of unknown size only has to be there at all", async () => {
    const room = roomOf(2 * MiB);
    await room.reserve("a", "anna", null);
    await room.reserve("b", "anna", 1 * MiB);
    expect(await codeOf(room.reserve("c", "anna", null))).toBe("no-space");
  });

  test("can be looked at: what is free less what was set aside, and nothing where it has no end", async () => {
    const room = roomOf(11 * MiB);
    expect(await room.available("anna")).toBe(10 * MiB);
    await room.reserve("a", "anna", 4 * MiB);
    expect(await room.available("anna")).toBe(6 * MiB);
    expect(await roomOf(MiB / 2).available("anna")).toBe(0);
    expect(await roomOf().available("anna")).toBeNull();
  });

  test("without an end is given to everybody", async () => {
    const room = roomOf();
    await room.reserve("a", "anna", 2 ** 50);
    await room.reserve("b", "anna", 2 ** 50);
  });

  test("that is missing is told in bytes", async () => {
    const refused = roomOf(2 * MiB).reserve("a", "anna", 3 * MiB);
    expect(refused).rejects.toThrow("1048576 bytes are free, the upload needs 3145728");
    await refused.catch(() => {});
  });

  test("that nobody reserved can be used and released without harm", async () => {
    const room = roomOf(2 * MiB);
    room.use("a", 5);
    room.release("a");
    await room.reserve("b", "anna", MiB);
  });
});

describe("room that another user announced", () => {
  const GiB = 1024 * MiB;

  test("is set aside in steps: a huge announcement leaves others theirs", async () => {
    const room = roomOf(100 * GiB);
    await room.reserve("a", "anna", 90 * GiB);
    await room.reserve("b", "bert", 95 * GiB);
    expect(await codeOf(room.reserve("a2", "anna", 20 * GiB))).toBe("no-space");
  });

  test("is set aside as far as as much has come already", async () => {
    const room = roomOf(100 * GiB);
    await room.reserve("a", "anna", 60 * GiB, 40 * GiB);
    expect(await codeOf(room.reserve("b", "bert", 61 * GiB))).toBe("no-space");
    await room.reserve("b", "bert", 59 * GiB);
  });

  test("is half of what is free at most, however many uploads announce some", async () => {
    const room = roomOf(101 * MiB);
    for (let upload = 0; upload < 100; upload++) await room.reserve(`a${upload}`, "anna", MiB);
    await room.reserve("b", "bert", 49 * MiB);
    expect(await codeOf(room.reserve("c", "clara", 2 * MiB))).toBe("no-space");
  });

  test("and is alone there is told at the start whether it fits", async () => {
    const room = roomOf(100 * GiB);
    expect(await codeOf(room.reserve("a", "anna", 100 * GiB))).toBe("no-space");
    await room.reserve("a", "anna", 100 * GiB - MiB);
  });
});

test("what is written while the free space is asked for is not counted twice", async () => {
  let written = 0;
  let onAsked = (): void => {};
  class AskedStorage extends MemoryStorage {
    override async freeBytes(): Promise<number | null> {
      const free = (await super.freeBytes()) ?? 0;
      const left = free - written;
      onAsked();
      return left;
    }
  }
  // Where there is little, and where there is room for what was announced and not for that once more.
  for (const capacity of [11 * MiB, 12 * MiB]) {
    written = 0;
    onAsked = () => {};
    const room = new Room(new AskedStorage({ capacity }));
    await room.reserve("a", "anna", 6 * MiB);
    onAsked = () => {
      written = 6 * MiB;
      room.use("a", written);
    };
    expect(await codeOf(room.reserve("b", "anna", 6 * MiB))).toBe("no-space");
  }
});

test("admissions at the same time never get more than there is, and one that fits alone is let in", async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 20 * MiB }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2 * MiB, max: 30 * MiB }), sizes, async (capacity, wanted) => {
      const room = roomOf(capacity);
      const granted = await Promise.all(
        wanted.map((bytes, index) =>
          room.reserve(idOf(index), "anna", bytes).then(
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
