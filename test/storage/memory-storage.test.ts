// The storage in memory: the contract, and what a crash leaves of it.

import { expect, test } from "bun:test";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryStorage } from "../support/memory/storage.ts";
import {
  bytesOf,
  codeOf,
  descriptionOf,
  idOf,
  partialContract,
  publishOne,
  storageContract,
} from "./contract.ts";

for (const contract of [partialContract, storageContract])
  contract("memory", async () => {
    const storage = new MemoryStorage();
    return { storage, reopen: async () => storage, [Symbol.asyncDispose]: async () => {} };
  });

test("a crash keeps what was synced and loses what it is told to lose", async () => {
  const storage = new MemoryStorage();
  const partial = await storage.create(idOf(1));
  await partial.append(bytesOf("durable"));
  await partial.sync();
  await partial.append(bytesOf(" and lost"));
  storage.crash({ bytesKept: (_id, durable) => durable, isShown: () => false });
  expect((await storage.open(idOf(1)))?.length).toBe(7);
});

test("a handle of the crashed process that was waiting does nothing any more", async () => {
  let release = () => {};
  const storage = new MemoryStorage({
    before: ({ type }) => (type === "append" ? new Promise((resolve) => (release = resolve)) : undefined),
  });
  const partial = await storage.create(idOf(1));
  const append = partial.append(bytesOf("late"));
  await Promise.resolve();
  storage.crash({ bytesKept: (_id, durable) => durable, isShown: () => false });
  release();
  expect(await codeOf(append)).toBe("internal");
  expect((await storage.open(idOf(1)))?.length).toBe(0);
});

test.each([true, false])(
  "a file whose showing was cut off is there or not, and can be published again (%p)",
  async (isShown) => {
    let isCrashing = true;
    const storage: MemoryStorage = new MemoryStorage({
      before: ({ type }) => {
        if (type !== "show" || !isCrashing) return;
        isCrashing = false;
        storage.crash({ bytesKept: (_id, _durable, length) => length, isShown: () => isShown });
      },
    });
    expect(await codeOf(publishOne(storage, 1, "anna", "a.raw", "content"))).toBe("internal");
    expect(storage.published().length).toBe(isShown ? 1 : 0);
    const partial = await storage.open(idOf(1));
    await partial?.publish(
      { folder: "anna", name: "a.raw" },
      descriptionOf(idOf(1), "anna", "a.raw", bytesOf("content")),
    );
    expect(storage.published().map(({ name }) => name)).toEqual(["a.raw"]);
  },
);

test("after a failed append the partial is cut back before it is used again", async () => {
  const storage = new MemoryStorage({ capacity: 10 });
  const partial = await storage.create(idOf(1));
  await partial.append(bytesOf("12345678"));
  expect(await codeOf(partial.append(bytesOf("12345678")))).toBe("no-space");
  expect(partial.append(bytesOf("1"))).rejects.toThrow("cut back");
  await partial.truncate(4);
  expect(await storage.freeBytes()).toBe(6);
  await partial.append(bytesOf("123456"));
});

test("when a partial was written goes by the clock that was given", async () => {
  const clock = new ManualClock();
  const storage = new MemoryStorage({ clock });
  const start = clock.date();
  const partial = await storage.create(idOf(1));
  clock.advance(1000);
  expect((await storage.lookAt(idOf(1)))?.writtenAt).toEqual(start);
  await partial.append(bytesOf("a"));
  expect((await storage.lookAt(idOf(1)))?.writtenAt).toEqual(new Date(start.getTime() + 1000));
});
