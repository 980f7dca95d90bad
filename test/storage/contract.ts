// What every storage has to do, whatever it stores in. Each implementation's test calls this with its own way
// to make one and to start anew on the same data.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { DyncError } from "../../src/base/error.ts";
import type { PartialStorage, PartialStorageOptions } from "../../src/storage/partial-storage.ts";
import type { Description, SinkEvents, Storage } from "../../src/storage/storage.ts";
import { sidecarText } from "../../src/upload/sidecar.ts";

/** Of a storage whose partials the tests use as they are. */
export const sinkOptions: PartialStorageOptions = { syncEveryBytes: 1000, bootId: "boot" };

export interface StorageUnderTest extends AsyncDisposable {
  readonly storage: Storage & PartialStorage;
  /** The same data as a later process would find it after a clean stop. */
  reopen(): Promise<Storage & PartialStorage>;
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function idOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

/** The description of an upload as the server makes it. */
export function descriptionOf(id: string, user: string, name: string, content: Uint8Array): Description {
  const modified = "2020-01-02T03:04:05.678901234Z";
  const sha256 = createHash("sha256").update(content).digest("hex");
  const metadataText = sidecarText({
    id,
    identity: "00",
    user,
    name,
    metadataText: '{"sample":"A1"}',
    size: content.length,
    sha256,
    contents: null,
    modified,
    receivedAt: "2026-01-01T00:00:00.000Z",
    client: null,
  });
  return { sha256, metadataText, modified };
}

/** Creates, fills and publishes an upload. */
export async function publishOne(
  storage: PartialStorage,
  number: number,
  user: string,
  name: string,
  text = name,
) {
  const content = bytesOf(text);
  const partial = await storage.create(idOf(number), "file");
  await partial.append(content);
  const description = descriptionOf(idOf(number), user, name, content);
  await partial.publish({ user, name }, description);
  return description;
}

async function idsIn(storage: Storage): Promise<readonly string[]> {
  return await Array.fromAsync(storage.ids());
}

/** The code of the `DyncError` that `promise` ends with; anything else fails the test. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DyncError) return error.code;
  throw error;
}

export function storageContract(name: string, make: () => Promise<StorageUnderTest>): void {
  describe(`${name}: partials`, () => {
    test("a new partial is empty, and what is appended can be read again", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(1), "file");
      expect(partial.length).toBe(0);
      await partial.append(bytesOf("hello "));
      await partial.append(bytesOf(""));
      await partial.append(bytesOf("world"));
      expect(partial.length).toBe(11);
      const into = new Uint8Array(20);
      expect(await partial.read(6, into)).toBe(5);
      expect(new TextDecoder().decode(into.subarray(0, 5))).toBe("world");
      expect(await partial.read(11, into)).toBe(0);
      await partial.close();
    });

    test("the bytes of a closed partial are there for the next process", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(2), "file");
      await partial.append(bytesOf("hello"));
      await partial.sync();
      await partial.close();
      const next = await under.reopen();
      expect(await idsIn(next)).toEqual([idOf(2)]);
      const again = await next.open(idOf(2));
      expect(again?.length).toBe(5);
      await again?.append(bytesOf("!"));
      expect(again?.length).toBe(6);
      await again?.close();
    });

    test("opening what is not there gives null", async () => {
      await using under = await make();
      expect(await under.storage.open(idOf(3))).toBeNull();
      expect(await Array.fromAsync(under.storage.ids())).toEqual([]);
    });

    test("a partial is cut back and goes on from there", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(4), "file");
      await partial.append(bytesOf("hello world"));
      await partial.truncate(5);
      expect(partial.length).toBe(5);
      await partial.append(bytesOf("!"));
      const into = new Uint8Array(9);
      expect(await partial.read(0, into)).toBe(6);
      expect(new TextDecoder().decode(into.subarray(0, 6))).toBe("hello!");
      await partial.close();
    });

    test("a sync may run beside an append", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(5), "file");
      await partial.append(bytesOf("a".repeat(100_000)));
      const sync = partial.sync();
      await partial.append(bytesOf("b".repeat(100_000)));
      await sync;
      expect(partial.length).toBe(200_000);
      await partial.close();
    });

    test("the storage tells when each partial was last written", async () => {
      await using under = await make();
      const early = await under.storage.create(idOf(7), "file");
      await early.append(bytesOf("early"));
      const late = await under.storage.create(idOf(8), "file");
      await late.append(bytesOf("late"));
      expect([...(await idsIn(under.storage))].sort()).toEqual([idOf(7), idOf(8)]);
      const timeOf = async (number: number): Promise<number> =>
        (await under.storage.lookAt(idOf(number)))?.writtenAt.getTime() ?? 0;
      const [first, second] = [await timeOf(7), await timeOf(8)];
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThanOrEqual(first);
      await early.append(bytesOf("!"));
      expect(await timeOf(7)).toBeGreaterThanOrEqual(second);
      expect(await under.storage.lookAt(idOf(9))).toBeNull();
      await early.close();
      await late.close();
    });

    test("a discarded partial is gone", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(6), "file");
      await partial.append(bytesOf("hello"));
      await partial.discard();
      expect(await under.storage.open(idOf(6))).toBeNull();
      expect(await Array.fromAsync(under.storage.ids())).toEqual([]);
    });
  });

  describe(`${name}: sinks`, () => {
    const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

    test("chunks are taken over, stored in order, and told up to where; their memory is given back by then", async () => {
      await using under = await make();
      const events = Promise.withResolvers<void>();
      const chunks = ["a".repeat(1000), "b", "c".repeat(70_000)];
      const stored: number[] = [];
      let held = 0;
      let offset = 0;
      const sink = await under.storage.begin(idOf(1), "file", {
        ...noEvents,
        onStored(offset) {
          stored.push(offset);
          const ends = chunks.map((_, at) => chunks.slice(0, at + 1).join("").length);
          expect(held).toBe(ends.filter((end) => end > offset).length);
          if (offset === 71_001) events.resolve();
        },
      });
      for (const chunk of chunks) {
        const data = bytesOf(chunk);
        held++;
        const release = (): void => {
          held--;
          data.fill(0);
        };
        sink.write({ offset, data, release });
        offset += data.length;
      }
      await events.promise;
      expect([...stored].sort((a, b) => a - b)).toEqual(stored);
      expect([held, sink.length]).toEqual([0, 71_001]);
      expect(sink.digest()).toBe(createHash("sha256").update(chunks.join("")).digest("hex"));
      await sink.close();
    });

    test("what was put away is taken up, whole, by the next process, and published", async () => {
      await using under = await make();
      const sink = await under.storage.begin(idOf(1), "file", noEvents);
      sink.write({ offset: 0, data: bytesOf("hello "), release() {} });
      const note = await sink.close();
      expect(note.durable).toBe(6);
      const next = await under.reopen();
      const written = Promise.withResolvers<number>();
      const again = await next.resume(idOf(1), "file", note, { ...noEvents, onStored: written.resolve });
      if (again === null) throw new Error("the upload is there");
      expect(again.length).toBe(6);
      if (!again.isReady) await again.prepare();
      again.write({ offset: 6, data: bytesOf("world"), release() {} });
      expect(await written.promise).toBe(11);
      const description = descriptionOf(idOf(1), "anna", "a.raw", bytesOf("hello world"));
      expect(again.digest()).toBe(description.sha256);
      await again.publish({ user: "anna", name: "a.raw" }, description);
      const published = (await next.obstacle({ user: "anna", name: "a.raw" }))?.published;
      expect(published).toMatchObject({ size: 11, sha256: description.sha256, id: idOf(1) });
    });

    test("what a process leaves that dies is there for the next one where the storage says so", async () => {
      await using under = await make();
      const stored = Promise.withResolvers<number>();
      const { properties, emptyNote } = under.storage;
      const sink = await under.storage.begin(idOf(1), "file", { ...noEvents, onStored: stored.resolve });
      const bytes = Math.max(5, properties.partBytes);
      sink.write({ offset: 0, data: new Uint8Array(bytes), release() {} });
      await stored.promise;
      // Nobody closed it, and its record says that nothing is durable.
      const next = await under.reopen();
      const again = await next.resume(idOf(1), "file", emptyNote, noEvents);
      expect(again?.length).toBe(properties.keepsAfterCrash ? bytes : 0);
      await again?.close();
    });

    test("what was cut off while it was published is recovered: all of it, or as much as is there", async () => {
      await using under = await make();
      const destination = { user: "anna", name: "a.raw" };
      const content = bytesOf("content");
      const { sha256 } = descriptionOf(idOf(1), "anna", "a.raw", content);
      const { emptyNote } = under.storage;
      const recover = (storage: Storage) => storage.recover(idOf(1), emptyNote, destination, sha256);
      expect(await recover(under.storage)).toEqual({ type: "gone" });
      const sink = await under.storage.begin(idOf(1), "file", noEvents);
      sink.write({ offset: 0, data: content, release() {} });
      await sink.close();
      const complete = await recover(await under.reopen());
      if (complete.type !== "complete") throw new Error(`it is complete, not ${complete.type}`);
      await complete.sink.publish(destination, descriptionOf(idOf(1), "anna", "a.raw", content));
      expect(await recover(await under.reopen())).toEqual({ type: "published" });
      // Under this name it is another upload's, whatever it holds.
      const other = await under.storage.recover(idOf(2), emptyNote, destination, sha256);
      expect(other).toEqual({ type: "gone" });
    });

    test("what is not what it was said to be is cut back to what is durable", async () => {
      await using under = await make();
      const sink = await under.storage.begin(idOf(1), "file", noEvents);
      sink.write({ offset: 0, data: bytesOf("con\0ent"), release() {} });
      await sink.close();
      const next = await under.reopen();
      const note = { ...next.emptyNote, durable: 3 };
      const destination = { user: "anna", name: "a.raw" };
      const { sha256 } = descriptionOf(idOf(1), "anna", "a.raw", bytesOf("content"));
      const left = await next.recover(idOf(1), note, destination, sha256);
      expect(left).toMatchObject({ type: "incomplete", durable: 3 });
      const again = await next.resume(idOf(1), "file", note, noEvents);
      expect(again?.length).toBe(3);
      await again?.close();
    });

    test("discarding what is open, what is put away, and what is not there", async () => {
      await using under = await make();
      for (const number of [1, 2]) {
        const sink = await under.storage.begin(idOf(number), "file", noEvents);
        sink.write({ offset: 0, data: bytesOf("x"), release() {} });
        await (number === 1 ? sink.discard() : sink.close());
      }
      expect(await idsIn(under.storage)).toEqual([idOf(2)]);
      await under.storage.discard(idOf(2));
      await under.storage.discard(idOf(3));
      expect(await idsIn(under.storage)).toEqual([]);
    });
  });

  describe(`${name}: publishing`, () => {
    test("a published upload is there under its name, and its partial is gone", async () => {
      await using under = await make();
      const destination = { user: "anna", name: "run 1.raw" };
      expect(await under.storage.obstacle(destination)).toBeNull();
      expect(await under.storage.isPublished(idOf(1), destination, "00")).toBe(false);
      const { sha256 } = await publishOne(under.storage, 1, "anna", "run 1.raw");
      expect(await under.storage.obstacle(destination)).not.toBeNull();
      expect(await under.storage.isPublished(idOf(1), destination, sha256)).toBe(true);
      expect(await Array.fromAsync(under.storage.ids())).toEqual([]);
      const next = await under.reopen();
      expect(await next.isPublished(idOf(1), destination, sha256)).toBe(true);
      expect(await next.isPublished(idOf(2), destination, sha256)).toBe(false);
    });

    test("an empty file is published as well", async () => {
      await using under = await make();
      await publishOne(under.storage, 1, "anna", "empty", "");
      expect(await under.storage.obstacle({ user: "anna", name: "empty" })).not.toBeNull();
    });

    test("a name that is taken is not replaced, and the first file stays as it is", async () => {
      await using under = await make();
      const { sha256 } = await publishOne(under.storage, 1, "anna", "a.raw", "first");
      expect(await codeOf(publishOne(under.storage, 2, "anna", "a.raw", "second"))).toBe("name-taken");
      expect((await under.storage.obstacle({ user: "anna", name: "a.raw" }))?.published?.sha256).toBe(sha256);
      await under.storage.discard(idOf(2));
      expect((await under.storage.obstacle({ user: "anna", name: "a.raw" }))?.published?.sha256).toBe(sha256);
    });

    test("another user's name is another name", async () => {
      await using under = await make();
      await publishOne(under.storage, 1, "anna", "a.raw");
      expect(await under.storage.obstacle({ user: "bert", name: "a.raw" })).toBeNull();
      await publishOne(under.storage, 2, "bert", "a.raw");
    });

    const clashes = [
      ["Run.raw", "run.RAW"],
      ["caf\u00e9", "cafe\u0301"],
      ["stra\u00dfe", "STRASSE"],
      ["a", "a.sha256"],
      ["a", "A.Meta.json"],
      ["a.sha256", "a"],
      ["a.meta.json", "a"],
    ] as const;
    test.each(clashes)("%p and %p cannot both be published", async (first, second) => {
      await using under = await make();
      await publishOne(under.storage, 1, "anna", first);
      expect(await under.storage.obstacle({ user: "anna", name: second })).not.toBeNull();
      expect(await codeOf(publishOne(under.storage, 2, "anna", second))).toBe("name-taken");
    });

    test("names that only look alike live beside each other", async () => {
      await using under = await make();
      const names = ["a", "a.sha", "b.sha256", "a.meta", "a.sha256.txt"];
      for (const [index, name] of names.entries()) await publishOne(under.storage, index + 1, "anna", name);
      for (const name of names) expect(await under.storage.obstacle({ user: "anna", name })).not.toBeNull();
    });

    test("of many uploads that are published under one name at once, exactly one gets it", async () => {
      await using under = await make();
      const codes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          publishOne(under.storage, index + 1, "anna", index % 2 === 0 ? "a.raw" : "A.RAW", `${index}`).then(
            () => "published",
            (error: unknown) => (error instanceof DyncError ? error.code : String(error)),
          ),
        ),
      );
      expect(codes.filter((code) => code === "published")).toHaveLength(1);
      expect(codes.filter((code) => code === "name-taken")).toHaveLength(19);
    });
  });
}
