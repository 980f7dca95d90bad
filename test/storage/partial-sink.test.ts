// Bytes on their way into a partial: order, hash, failures, and that no message memory is ever kept.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { DyncError } from "../../src/base/error.ts";
import type { Sink, SinkEvents } from "../../src/storage/storage.ts";
import {
  MemoryStorage,
  type MemoryStorageOptions,
  ShortWrite,
  type StorageOperation,
} from "../support/memory/storage.ts";
import { bytesOf, codeOf, idOf } from "./contract.ts";

async function bytesWorld(options: MemoryStorageOptions = {}, syncEveryBytes = 1000) {
  const storage = new MemoryStorage(options);
  storage.mount({ syncEveryBytes, bootId: "boot" });
  const told: string[] = [];
  const events: SinkEvents = {
    onStored: (offset) => told.push(`stored ${offset}`),
    onNote: ({ durable, mark }) => told.push(mark === null ? "suspect" : `durable ${durable}`),
    onFailed: (error, { mark }) =>
      told.push(
        `failed ${error instanceof DyncError ? error.code : error}${mark === null ? ", suspect" : ""}`,
      ),
    onRefused: (error) => told.push(`refused ${error.code}`),
  };
  const sink = await storage.begin(idOf(1), "file", events);
  const memory = { held: 0 };
  let at = 0;
  function write(data: Uint8Array | string): void {
    memory.held++;
    // As the transport does: what was released is overwritten.
    const frame = typeof data === "string" ? bytesOf(data) : data.slice();
    const offset = at;
    at += frame.length;
    sink.write({
      offset,
      data: frame,
      release: () => {
        memory.held--;
        frame.fill(0xdb);
      },
    });
  }
  async function content(): Promise<string> {
    const handle = await storage.open(idOf(1));
    const into = new Uint8Array(handle?.length ?? 0);
    await handle?.read(0, into);
    return new TextDecoder().decode(into);
  }
  /** The client goes on from there. */
  const goBackTo = (offset: number): void => {
    at = offset;
  };
  return { storage, sink, told, memory, write, goBackTo, content };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Fails the operations of this type whose turn is in `turns`, counted from 0. */
function failing(type: StorageOperation["type"], turns: readonly number[], error: Error) {
  let turn = 0;
  return (operation: StorageOperation): void => {
    if (operation.type === type && turns.includes(turn++)) throw error;
  };
}

const broken = new DyncError("internal", "The disk reports an error");
const full = new DyncError("no-space", "No space left");

describe("writes", () => {
  test("arrive in order, one after the other, and are told in order", async () => {
    const { write, told, content, memory, sink } = await bytesWorld();
    for (const text of ["one", "two!", "three"]) write(text);
    await settle();
    expect(told).toEqual(["stored 3", "stored 7", "stored 12"]);
    expect(await content()).toBe("onetwo!three");
    expect(memory.held).toBe(0);
    expect(await sink.digest()).toBe(sha256("onetwo!three"));
  });

  test("are made durable whenever enough of them came", async () => {
    const { write, told, sink } = await bytesWorld({}, 6);
    for (const text of ["1234", "5678", "90"]) write(text);
    await settle();
    expect(told.filter((one) => one.startsWith("durable"))).toEqual(["durable 8"]);
    for (const text of ["1234", "5678"]) write(text);
    await settle();
    expect(told.filter((one) => one.startsWith("durable"))).toEqual(["durable 8", "durable 14"]);
    expect(await sink.close()).toEqual({ durable: 18, mark: "boot" });
  });

  test("of any data in any pieces give its bytes and its digest", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })), async (pieces) => {
        const { write, sink, memory, storage } = await bytesWorld({}, 30);
        for (const piece of pieces) write(piece);
        const whole = Buffer.concat(pieces);
        for (let turn = 0; turn < 20 * (pieces.length + 1); turn++) await Promise.resolve();
        expect(sink.length).toBe(whole.length);
        expect(await sink.digest()).toBe(createHash("sha256").update(whole).digest("hex"));
        expect(memory.held).toBe(0);
        expect(await sink.close()).toEqual({ durable: whole.length, mark: "boot" });
        const into = new Uint8Array(whole.length);
        await (await storage.open(idOf(1)))?.read(0, into);
        expect(Buffer.from(into)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});

describe("after a failed write", () => {
  test("everything pending is dropped, told once, and later writes are dropped too", async () => {
    const { write, told, memory } = await bytesWorld({ before: failing("append", [1], broken) });
    for (const text of ["a", "b", "c"]) write(text);
    await settle();
    write("d");
    await settle();
    expect(told).toEqual(["stored 1", "failed internal, suspect"]);
    expect(memory.held).toBe(0);
  });

  test("a rewind cuts back to what is durable, and the digest is that of what is there then", async () => {
    const world = await bytesWorld({ before: failing("append", [2], new ShortWrite(1)) }, 4);
    for (const text of ["1234", "56", "78"]) world.write(text);
    await settle();
    expect(await world.sink.rewind()).toEqual({ durable: 4, mark: "boot" });
    expect(await world.content()).toBe("1234");
    // From a client that does not know of it yet.
    world.write("late");
    await settle();
    expect([world.memory.held, await world.content()]).toEqual([0, "1234"]);
    world.goBackTo(4);
    for (const text of ["ab", "cd"]) world.write(text);
    await settle();
    expect(await world.content()).toBe("1234abcd");
    expect(await world.sink.digest()).toBe(sha256("1234abcd"));
  });

  test("what lies behind the durable bytes is suspect, but not when the disk was only full", async () => {
    for (const [error, failed] of [
      [broken, "failed internal, suspect"],
      [full, "failed no-space"],
    ] as const) {
      const { write, sink, told } = await bytesWorld({ before: failing("append", [1], error) });
      for (const text of ["a", "b"]) write(text);
      await settle();
      expect(told).toEqual(["stored 1", failed]);
      expect(await sink.rewind()).toEqual({ durable: 0, mark: "boot" });
      expect(await sink.close()).toEqual({ durable: 0, mark: "boot" });
    }
  });
});

describe("after a failed sync", () => {
  const destination = { folder: "anna", name: "a" };
  const description = { sha256: sha256("1234"), metadataText: "{}" };

  test("the bytes are suspect also when the disk was full before the sync failed", async () => {
    const sync = Promise.withResolvers<void>();
    const { write, told, sink } = await bytesWorld(
      {
        before: ({ type }) => {
          if (type === "sync") return sync.promise;
          if (type === "append" && sink.length >= 4) throw full;
        },
      },
      4,
    );
    for (const text of ["1234", "5678"]) write(text);
    await settle();
    expect(told).toEqual(["stored 4", "failed no-space"]);
    const closed = sink.close();
    sync.reject(broken);
    expect(await closed).toEqual({ durable: 0, mark: null });
    expect(told).toEqual(["stored 4", "failed no-space", "suspect"]);
  });

  test("the bytes are suspect, and nothing claims that they are durable", async () => {
    const { write, told, sink } = await bytesWorld({ before: failing("sync", [0], full) }, 4);
    for (const text of ["1234", "5678"]) write(text);
    await settle();
    expect(told.filter((one) => one.startsWith("failed"))).toEqual(["failed no-space, suspect"]);
    expect(await sink.close()).toEqual({ durable: 0, mark: null });
  });

  test("who sent everything hears that there is no room, and else that it is asked for again", async () => {
    for (const [error, code] of [
      [full, "no-space"],
      [broken, "not-ready"],
    ] as const) {
      const sync = Promise.withResolvers<void>();
      const before = ({ type }: StorageOperation) => (type === "sync" ? sync.promise : undefined);
      const { write, sink } = await bytesWorld({ before }, 4);
      write("1234");
      await settle();
      await sink.digest();
      const published = codeOf(sink.publish(destination, description));
      sync.reject(error);
      expect(await published).toBe(code);
    }
  });

  test("what is not durable is cut off when the upload is put away, whatever can be recorded of it", async () => {
    const { write, sink, storage } = await bytesWorld({ before: failing("sync", [1], broken) }, 4);
    write("1234");
    await settle();
    write("5678");
    await settle();
    expect(await sink.close()).toEqual({ durable: 4, mark: null });
    expect((await storage.open(idOf(1)))?.length).toBe(4);
  });

  test("what cannot be cut off stays suspect, and is let go", async () => {
    let isBroken = true;
    const before = ({ type }: StorageOperation): void => {
      if (isBroken && (type === "sync" || type === "truncate")) throw broken;
    };
    const { write, sink, storage } = await bytesWorld({ before }, 4);
    write("1234");
    await settle();
    expect(await sink.close()).toEqual({ durable: 0, mark: null });
    expect((await storage.open(idOf(1)))?.length).toBe(4);
    // Also where the record could not be changed.
    isBroken = false;
    expect((await storage.resume(idOf(1), "file", storage.emptyNote, noEvents))?.length).toBe(0);
  });

  test("it begins again from what was durable before", async () => {
    const { write, sink, content, goBackTo } = await bytesWorld({ before: failing("sync", [1], broken) }, 4);
    write("1234");
    await settle();
    write("5678");
    await settle();
    expect(await sink.rewind()).toEqual({ durable: 4, mark: "boot" });
    expect(await content()).toBe("1234");
    goBackTo(4);
    write("5678");
    await settle();
    expect(await sink.digest()).toBe(sha256("12345678"));
    expect(await sink.close()).toEqual({ durable: 8, mark: "boot" });
  });

  test("nothing is published", async () => {
    const { write, sink, storage } = await bytesWorld({ before: failing("sync", [0], broken) }, 4);
    write("1234");
    await settle();
    expect(await codeOf(sink.publish(destination, description))).toBe("not-ready");
    await settle();
    expect(storage.published()).toEqual([]);
  });
});

describe("closing", () => {
  test("while something is written waits for it, drops the rest, and makes durable what is there", async () => {
    let go = (): void => {};
    const before = ({ type }: StorageOperation): Promise<void> | undefined =>
      type === "append" ? new Promise((resolve) => (go = resolve)) : undefined;
    const { write, sink, memory, content, told } = await bytesWorld({ before });
    for (const text of ["1234", "5678"]) write(text);
    const closed = sink.close();
    await settle();
    expect(memory.held).toBe(1);
    go();
    expect(await closed).toEqual({ durable: 4, mark: "boot" });
    expect(memory.held).toBe(0);
    expect(await content()).toBe("1234");
    expect(told).toContain("stored 4");
  });

  test("by discarding deletes the bytes, also after a failure", async () => {
    const { write, sink, storage, memory } = await bytesWorld({ before: failing("append", [1], broken) });
    for (const text of ["a", "b", "c"]) write(text);
    await sink.discard();
    expect(await Array.fromAsync(storage.ids())).toEqual([]);
    expect(memory.held).toBe(0);
  });
});

describe("what is taken up again", () => {
  const boots: readonly (readonly [string, string | null, string | null, number])[] = [
    ["all of it, while the system runs on", "boot", "boot", 10],
    ["what was synced, after the system restarted", "boot", "other", 6],
    ["what was synced, where a write or sync failed before", null, "boot", 6],
    ["what was synced, where systems cannot be told apart", "boot", null, 6],
    ["what was synced, where nothing is known", null, null, 6],
  ];
  test.each(boots)("is %s", async (_what, mark, bootId, expected) => {
    for (const there of [10, 4]) {
      const storage = new MemoryStorage();
      const partial = await storage.create(idOf(1));
      await partial.append(bytesOf("0123456789".slice(0, there)));
      await partial.close();
      storage.mount({ syncEveryBytes: 1000, bootId });
      const sink = await storage.resume(idOf(1), "file", { durable: 6, mark }, noEvents);
      expect(sink?.length).toBe(Math.min(expected, there));
    }
  });

  test("goes on at its beginning, where a crash left a record and nothing else", async () => {
    const storage = new MemoryStorage();
    expect((await storage.resume(idOf(1), "file", storage.emptyNote, noEvents))?.length).toBe(0);
    expect(await storage.resume(idOf(2), "file", { durable: 1, mark: null }, noEvents)).toBeNull();
    expect(await Array.fromAsync(storage.ids())).toEqual([idOf(1)]);
  });

  test("is hashed before what follows it", async () => {
    const storage = await written("old ");
    const sink = await resumed(storage);
    expect(sink.isReady).toBe(false);
    await sink.prepare();
    expect(sink.isReady).toBe(true);
    sink.write({ offset: 4, data: bytesOf("new"), release() {} });
    await settle();
    expect(await sink.digest()).toBe(sha256("old new"));
  });

  test("is not hashed again by the process that put it away", async () => {
    const { write, sink, storage } = await bytesWorld();
    write("old ");
    await settle();
    await sink.close();
    const again = await resumed(storage);
    expect(again.isReady).toBe(true);
    again.write({ offset: 4, data: bytesOf("new"), release() {} });
    await settle();
    expect(await again.digest()).toBe(sha256("old new"));
  });

  test("is not hashed any longer than the upload lasts, and let go when nobody reads it any more", async () => {
    let go = (): void => {};
    const before = ({ type }: StorageOperation): Promise<void> | undefined =>
      type === "read" ? new Promise((resolve) => (go = resolve)) : undefined;
    const sink = await resumed(await written("x".repeat(3 * 1024 * 1024), { before }));
    const prepared = sink.prepare();
    await settle();
    let isClosed = false;
    const closed = sink.close().then((note) => {
      isClosed = true;
      return note;
    });
    await settle();
    expect(isClosed).toBe(false);
    go();
    await expect(prepared).rejects.toThrow("The upload ended");
    expect(await closed).toEqual({ durable: 3 * 1024 * 1024, mark: "boot" });
  });

  test("and cannot be read is let go as it is", async () => {
    const sink = await resumed(await written("old ", { before: failing("read", [0], broken) }));
    await expect(sink.prepare()).rejects.toThrow("The disk reports an error");
    expect(await sink.close()).toEqual({ durable: 0, mark: "boot" });
  });
});

describe("what is left of an upload that was being published", () => {
  const destination = { folder: "anna", name: "a" };

  test("is closed again when it cannot be read, for another try", async () => {
    const storage = await written("content", { before: failing("read", [0], broken) });
    const closing = Promise.withResolvers<void>();
    const { open } = storage;
    storage.open = async (id) => {
      const partial = await open.call(storage, id);
      const close = partial?.close.bind(partial);
      if (partial !== null) partial.close = async () => closing.resolve(await close?.());
      return partial;
    };
    const recovering = storage.recover(idOf(1), storage.emptyNote, destination, sha256("content"));
    await expect(recovering).rejects.toThrow("The disk reports an error");
    await closing.promise;
  });
});

const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

/** A storage in which an earlier process left `content` of upload 1. */
async function written(content: string, options: MemoryStorageOptions = {}): Promise<MemoryStorage> {
  const storage = new MemoryStorage(options);
  const partial = await storage.create(idOf(1));
  await partial.append(bytesOf(content));
  await partial.close();
  return storage;
}

async function resumed(storage: MemoryStorage): Promise<Sink> {
  const sink = await storage.resume(idOf(1), "file", storage.emptyNote, noEvents);
  if (sink === null) throw new Error("the upload is there");
  return sink;
}
