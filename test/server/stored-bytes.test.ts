// Bytes on their way to the storage: order, hash, failures, and that no message memory is ever kept.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { DyncError } from "../../src/base/error.ts";
import { StoredBytes } from "../../src/server/stored-bytes.ts";
import {
  MemoryStorage,
  type MemoryStorageOptions,
  ShortWrite,
  type StorageOperation,
} from "../../src/storage/memory-storage.ts";
import { bytesOf, idOf } from "../storage/contract.ts";

const never = new AbortController().signal;

async function bytesWorld(options: MemoryStorageOptions = {}, syncEveryBytes = 1000) {
  const storage = new MemoryStorage(options);
  const partial = await storage.create(idOf(1));
  const told: string[] = [];
  const bytes = new StoredBytes(partial, 0, syncEveryBytes, {
    onWritten: (count) => told.push(`written ${count}`),
    onDurable: (offset) => told.push(`durable ${offset}`),
    onFailed: (error) => told.push(`failed ${error instanceof DyncError ? error.code : error}`),
  });
  const memory = { held: 0 };
  function write(data: Uint8Array | string): void {
    memory.held++;
    // As the transport does: what was released is overwritten.
    const frame = typeof data === "string" ? bytesOf(data) : data.slice();
    bytes.write({
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
  return { storage, partial, bytes, told, memory, write, content };
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
    const { write, told, content, memory, bytes } = await bytesWorld();
    for (const text of ["one", "two!", "three"]) write(text);
    await settle();
    expect(told).toEqual(["written 3", "written 4", "written 5"]);
    expect(await content()).toBe("onetwo!three");
    expect(memory.held).toBe(0);
    expect(bytes.digest()).toBe(sha256("onetwo!three"));
  });

  test("are made durable whenever enough of them came", async () => {
    const { write, told, bytes } = await bytesWorld({}, 6);
    for (const text of ["1234", "5678", "90"]) write(text);
    await settle();
    expect(told.filter((one) => one.startsWith("durable"))).toEqual(["durable 8"]);
    expect(bytes.durable).toBe(8);
    for (const text of ["1234", "5678"]) write(text);
    await settle();
    expect(bytes.durable).toBe(14);
  });

  test("of any data in any pieces give its bytes and its digest", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })), async (pieces) => {
        const { write, bytes, memory, storage } = await bytesWorld({}, 30);
        for (const piece of pieces) write(piece);
        const whole = Buffer.concat(pieces);
        for (let turn = 0; turn < 20 * (pieces.length + 1); turn++) await Promise.resolve();
        expect(bytes.length).toBe(whole.length);
        expect(bytes.digest()).toBe(createHash("sha256").update(whole).digest("hex"));
        expect(memory.held).toBe(0);
        expect(await bytes.close()).toBe(whole.length);
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
    expect(told).toEqual(["written 1", "failed internal"]);
    expect(memory.held).toBe(0);
  });

  test("a rewind cuts back to what is durable, and the digest is that of what is there then", async () => {
    const world = await bytesWorld({ before: failing("append", [2], new ShortWrite(1)) }, 4);
    for (const text of ["1234", "56", "78"]) world.write(text);
    await settle();
    expect(await world.bytes.rewind(never)).toBe(4);
    expect(await world.content()).toBe("1234");
    for (const text of ["ab", "cd"]) world.write(text);
    await settle();
    expect(await world.content()).toBe("1234abcd");
    expect(world.bytes.digest()).toBe(sha256("1234abcd"));
  });

  test("what lies behind the durable bytes is suspect, but not when the disk was only full", async () => {
    for (const [error, isSuspect] of [
      [broken, true],
      [full, false],
    ] as const) {
      const { write, bytes } = await bytesWorld({ before: failing("append", [1], error) });
      for (const text of ["a", "b"]) write(text);
      await settle();
      expect(bytes.isSuspect).toBe(isSuspect);
      await bytes.rewind(never);
      expect(bytes.isSuspect).toBe(false);
    }
  });
});

describe("after a failed sync", () => {
  test("the bytes are suspect also when the disk was full before the sync failed", async () => {
    const sync = Promise.withResolvers<void>();
    const { write, told, bytes, partial } = await bytesWorld(
      {
        before: ({ type }) => {
          if (type === "sync") return sync.promise;
          if (type === "append" && partial.length >= 4) throw full;
        },
      },
      4,
    );
    for (const text of ["1234", "5678"]) write(text);
    await settle();
    expect([told, bytes.isSuspect]).toEqual([["written 4", "failed no-space"], false]);
    const closed = bytes.close();
    sync.reject(broken);
    expect(await closed).toBe(0);
    expect([told, bytes.isSuspect]).toEqual([["written 4", "failed no-space"], true]);
    expect(bytes.parkedHash).toBe(null);
  });

  test("the bytes are suspect, and nothing claims that they are durable", async () => {
    const { write, told, bytes } = await bytesWorld({ before: failing("sync", [0], full) }, 4);
    for (const text of ["1234", "5678"]) write(text);
    await settle();
    expect(told.filter((one) => one.startsWith("failed"))).toEqual(["failed no-space"]);
    expect([bytes.durable, bytes.isSuspect]).toEqual([0, true]);
    expect(await bytes.close()).toBe(0);
  });

  test("what is not durable is cut off when the upload is put away, whatever can be recorded of it", async () => {
    const { write, bytes, storage } = await bytesWorld({ before: failing("sync", [1], broken) }, 4);
    write("1234");
    await settle();
    write("5678");
    await settle();
    expect(await bytes.close()).toBe(4);
    expect((await storage.open(idOf(1)))?.length).toBe(4);
  });

  test("what cannot be cut off stays suspect, and is let go", async () => {
    const before = ({ type }: StorageOperation): void => {
      if (type === "sync" || type === "truncate") throw broken;
    };
    const { write, bytes, storage } = await bytesWorld({ before }, 4);
    write("1234");
    await settle();
    expect(await bytes.close()).toBe(0);
    expect(bytes.isSuspect).toBe(true);
    expect((await storage.open(idOf(1)))?.length).toBe(4);
  });

  test("it begins again from what was durable before", async () => {
    const { write, bytes, content } = await bytesWorld({ before: failing("sync", [1], broken) }, 4);
    write("1234");
    await settle();
    write("5678");
    await settle();
    expect(await bytes.rewind(never)).toBe(4);
    expect(await content()).toBe("1234");
    write("5678");
    await settle();
    expect(bytes.digest()).toBe(sha256("12345678"));
    expect(await bytes.close()).toBe(8);
  });

  test("nothing is published", async () => {
    const { write, bytes, storage } = await bytesWorld({ before: failing("sync", [0], broken) }, 4);
    write("1234");
    await settle();
    const description = { sha256: sha256("1234"), metadataText: "{}" };
    expect(bytes.publish({ user: "anna", name: "a" }, description)).rejects.toThrow();
    await settle();
    expect(storage.published()).toEqual([]);
  });
});

describe("closing", () => {
  test("while something is written waits for it, drops the rest, and makes durable what is there", async () => {
    let go = (): void => {};
    const before = ({ type }: StorageOperation): Promise<void> | undefined =>
      type === "append" ? new Promise((resolve) => (go = resolve)) : undefined;
    const { write, bytes, memory, content, told } = await bytesWorld({ before });
    for (const text of ["1234", "5678"]) write(text);
    const closed = bytes.close();
    await settle();
    expect(memory.held).toBe(1);
    go();
    expect(await closed).toBe(4);
    expect(memory.held).toBe(0);
    expect(await content()).toBe("1234");
    expect(told).toContain("written 4");
  });

  test("by discarding deletes the bytes, also after a failure", async () => {
    const { write, bytes, storage, memory } = await bytesWorld({ before: failing("append", [1], broken) });
    for (const text of ["a", "b", "c"]) write(text);
    await bytes.discard();
    expect(await Array.fromAsync(storage.ids())).toEqual([]);
    expect(memory.held).toBe(0);
  });
});

describe("bytes of an earlier process", () => {
  test("are hashed before those that follow them", async () => {
    const { storage, partial } = await bytesWorld();
    await partial.append(bytesOf("old "));
    await partial.close();
    const handle = await storage.open(idOf(1));
    if (handle === null) throw new Error("the partial is there");
    const events = { onWritten() {}, onDurable() {}, onFailed() {} };
    const bytes = new StoredBytes(handle, 0, 1000, events);
    await bytes.rehash(never);
    bytes.write({ data: bytesOf("new"), release() {} });
    await settle();
    expect(bytes.digest()).toBe(sha256("old new"));
  });

  test("are not hashed any longer than the upload lasts", async () => {
    const { write, bytes } = await bytesWorld();
    write("1234");
    await settle();
    expect(bytes.rehash(AbortSignal.abort(new Error("ended")))).rejects.toThrow("ended");
    await settle();
  });
});
