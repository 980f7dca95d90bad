// What every storage has to do, whatever it stores in. Each implementation's test calls this with its own way
// to make one and to start anew on the same data.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { DyncError } from "../../src/base/error.ts";
import type { PartialStorage, PartialStorageOptions } from "../../src/storage/partial-storage.ts";
import type { Description, Flaw, SinkEvents, Storage } from "../../src/storage/storage.ts";
import { encodeMember } from "../../src/tar/header.ts";
import { blockBytes, paddingOf } from "../../src/tar/member.ts";
import type { Destination } from "../../src/upload/destination.ts";
import { parseSidecar, sidecarText } from "../../src/upload/sidecar.ts";
import type { Contents, Form, Layout } from "../../src/upload/upload.ts";

/** Of a storage whose partials the tests use as they are. */
export const sinkOptions: PartialStorageOptions = { syncEveryBytes: 1000, bootId: "boot" };

export interface StorageUnderTest<S extends Storage = Storage> extends AsyncDisposable {
  readonly storage: S;
  /** The same data as a later process would find it after a clean stop. */
  reopen(): Promise<S>;
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function idOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

/** What a storage is given: the bytes of one file, or of a tar that it unpacks. */
export interface Kind {
  readonly form: Form;
  /** All bytes of an upload that has `text` as its content. */
  whole(text: string): Uint8Array;
}

export const fileKind: Kind = { form: "file", whole: bytesOf };

/** Datasets of two files and a folder. */
export function datasetKind(form: Layout): Kind {
  const shared = { modified: "2020-01-02T03:04:05.5Z", executable: false };
  return {
    form,
    whole: (text) => {
      const content = bytesOf(text);
      const parts = [
        encodeMember({ ...shared, path: "run", type: "folder", size: 0 }),
        encodeMember({ ...shared, path: "run/text", type: "file", size: content.length }),
        content,
        new Uint8Array(paddingOf(content.length)),
        encodeMember({ ...shared, path: "run/größe", type: "file", size: 3 }),
        bytesOf("end"),
        new Uint8Array(paddingOf(3) + 2 * blockBytes),
      ];
      return new Uint8Array(Buffer.concat(parts));
    },
  };
}

/** The description of an upload as the server makes it. */
export function descriptionOf(
  id: string,
  user: string,
  name: string,
  content: Uint8Array,
  contents: Contents | null = null,
  place: Destination | null = null,
): Description {
  const modified = "2020-01-02T03:04:05.678901234Z";
  const sha256 = createHash("sha256").update(content).digest("hex");
  const metadataText = sidecarText({
    id,
    identity: "00",
    user,
    name,
    place,
    metadataText: '{"sample":"A1"}',
    size: content.length,
    sha256,
    contents,
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
  { form, whole }: Kind = fileKind,
) {
  const content = whole(text);
  const partial = await storage.create(idOf(number), form);
  await partial.append(content);
  const description = descriptionOf(idOf(number), user, name, content, await partial.contents());
  await partial.publish({ folder: user, name }, description);
  return description;
}

const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

/** The same by what every storage has. One that is not published is put away. */
export async function publishBySink(
  storage: Storage,
  number: number,
  user: string,
  name: string,
  text = name,
  { form, whole }: Kind = fileKind,
) {
  const [content, destination] = [whole(text), { folder: user, name }];
  const stored = Promise.withResolvers<void>();
  const onStored = (offset: number): void => {
    if (offset === content.length) stored.resolve();
  };
  const events = { ...noEvents, onStored, onFailed: stored.reject, onRefused: stored.reject };
  const prospect = { destination, size: content.length };
  const sink = await storage.begin(idOf(number), form, events, prospect);
  try {
    if (content.length > 0) {
      sink.write({ offset: 0, data: content, release() {} });
      await stored.promise;
    }
    const description = descriptionOf(idOf(number), user, name, content, await sink.contents());
    await sink.publish(destination, description);
    return description;
  } catch (error) {
    await sink.close();
    throw error;
  }
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

/** What a storage has to do beyond `storageContract` that keeps an unfinished upload as bytes which can be read and cut back. */
export function partialContract(
  name: string,
  make: () => Promise<StorageUnderTest<Storage & PartialStorage>>,
  kind: Kind = fileKind,
): void {
  const { form, whole } = kind;

  describe(`${name}: partials`, () => {
    test("a new partial is empty, and what is appended can be read again", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(1), form);
      expect(partial.length).toBe(0);
      const all = whole("hello world");
      await partial.append(all.subarray(0, 6));
      await partial.append(new Uint8Array(0));
      await partial.append(all.subarray(6));
      expect(partial.length).toBe(all.length);
      const into = new Uint8Array(all.length + 9);
      for (const offset of [6, 0, all.length - 1, 3, all.length]) {
        const rest = all.subarray(offset);
        expect(await partial.read(offset, into)).toBe(rest.length);
        expect(Buffer.compare(into.subarray(0, rest.length), rest)).toBe(0);
      }
      await partial.close();
    });

    test("the bytes of a closed partial are there for the next process", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(2), form);
      const all = whole("hello!");
      await partial.append(all.subarray(0, 5));
      await partial.sync();
      await partial.close();
      const next = await under.reopen();
      expect(await idsIn(next)).toEqual([idOf(2)]);
      const again = await next.open(idOf(2));
      expect(again?.length).toBe(5);
      await again?.append(all.subarray(5, 6));
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
      const partial = await under.storage.create(idOf(4), form);
      const [before, after] = [whole("hello world"), whole("hello, you!")];
      const same = before.findIndex((byte, index) => byte !== after[index]);
      await partial.append(before);
      await partial.truncate(same);
      expect(partial.length).toBe(same);
      await partial.append(after.subarray(same));
      const into = new Uint8Array(after.length + 1);
      expect(await partial.read(0, into)).toBe(after.length);
      expect(Buffer.compare(into.subarray(0, after.length), after)).toBe(0);
      await partial.close();
    });

    test("a sync may run beside an append", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(5), form);
      const all = whole("a".repeat(200_000));
      await partial.append(all.subarray(0, 100_000));
      const sync = partial.sync();
      await partial.append(all.subarray(100_000));
      await sync;
      expect(partial.length).toBe(all.length);
      await partial.close();
    });

    test("the storage tells when each partial was last written", async () => {
      await using under = await make();
      const early = await under.storage.create(idOf(7), form);
      const all = whole("early!");
      await early.append(all.subarray(0, 5));
      const late = await under.storage.create(idOf(8), form);
      await late.append(all.subarray(0, 4));
      expect([...(await idsIn(under.storage))].sort()).toEqual([idOf(7), idOf(8)]);
      const timeOf = async (number: number): Promise<number> =>
        (await under.storage.lookAt(idOf(number)))?.writtenAt.getTime() ?? 0;
      const [first, second] = [await timeOf(7), await timeOf(8)];
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThanOrEqual(first);
      await early.append(all.subarray(5, 6));
      expect(await timeOf(7)).toBeGreaterThanOrEqual(second);
      expect(await under.storage.lookAt(idOf(9))).toBeNull();
      await early.close();
      await late.close();
    });

    test("what is not what it was said to be is cut back to what is durable", async () => {
      await using under = await make();
      const sink = await under.storage.begin(idOf(1), form, noEvents);
      sink.write({ offset: 0, data: whole("con\0ent"), release() {} });
      await sink.close();
      const next = await under.reopen();
      const note = { ...next.emptyNote, durable: 3 };
      const destination = { folder: "anna", name: "a.raw" };
      const { sha256 } = descriptionOf(idOf(1), "anna", "a.raw", whole("content"));
      const left = await next.recover(idOf(1), note, destination, sha256);
      expect(left).toMatchObject({ type: "incomplete", durable: 3 });
      const again = await next.resume(idOf(1), form, note, noEvents);
      expect(again?.length).toBe(3);
      await again?.close();
    });

    test("a discarded partial is gone", async () => {
      await using under = await make();
      const partial = await under.storage.create(idOf(6), form);
      await partial.append(whole("hello").subarray(0, 5));
      await partial.discard();
      expect(await under.storage.open(idOf(6))).toBeNull();
      expect(await Array.fromAsync(under.storage.ids())).toEqual([]);
    });
  });
}

/** What every storage has to do. */
export function storageContract(
  name: string,
  make: () => Promise<StorageUnderTest>,
  kind: Kind = fileKind,
): void {
  const { form, whole } = kind;
  const publish = (storage: Storage, number: number, user: string, name: string, text = name) =>
    publishBySink(storage, number, user, name, text, kind);

  describe(`${name}: sinks`, () => {
    test("chunks are taken over, stored in order, and told up to where; their memory is given back by then", async () => {
      await using under = await make();
      const events = Promise.withResolvers<void>();
      const all = whole("a".repeat(75_000));
      const ends = [1000, 1001, 71_001, all.length];
      const stored: number[] = [];
      let held = 0;
      let offset = 0;
      const sink = await under.storage.begin(idOf(1), form, {
        ...noEvents,
        onStored(offset) {
          stored.push(offset);
          expect(held).toBeLessThanOrEqual(ends.filter((end) => end > offset).length);
          if (offset === all.length) events.resolve();
        },
      });
      for (const end of ends) {
        const data = all.slice(offset, end);
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
      expect([held, sink.length]).toEqual([0, all.length]);
      expect(await sink.digest()).toBe(createHash("sha256").update(all).digest("hex"));
      await sink.close();
    });

    test("what was put away is taken up, whole, by the next process, and published", async () => {
      await using under = await make();
      const sink = await under.storage.begin(idOf(1), form, noEvents);
      const all = whole("hello world");
      sink.write({ offset: 0, data: all.subarray(0, 6), release() {} });
      const note = await sink.close();
      expect(note.durable).toBe(6);
      const next = await under.reopen();
      const written = Promise.withResolvers<number>();
      const again = await next.resume(idOf(1), form, note, { ...noEvents, onStored: written.resolve });
      if (again === null) throw new Error("the upload is there");
      expect(again.length).toBe(6);
      if (!again.isReady) await again.prepare();
      again.write({ offset: 6, data: all.subarray(6), release() {} });
      expect(await written.promise).toBe(all.length);
      const contents = await again.contents();
      const description = descriptionOf(idOf(1), "anna", "a.raw", all, contents);
      expect(await again.digest()).toBe(description.sha256);
      expect(contents === null).toBe(form === "file");
      await again.publish({ folder: "anna", name: "a.raw" }, description);
      const published = (await next.obstacle({ folder: "anna", name: "a.raw" }))?.published;
      expect(published).toMatchObject({ size: all.length, sha256: description.sha256, id: idOf(1) });
    });

    test("what a process leaves that dies is there for the next one where the storage says so", async () => {
      await using under = await make();
      const stored = Promise.withResolvers<number>();
      const { properties, emptyNote } = under.storage;
      const sink = await under.storage.begin(idOf(1), form, { ...noEvents, onStored: stored.resolve });
      const bytes = Math.max(5, properties.partBytes);
      const data = whole("a".repeat(bytes)).subarray(0, bytes);
      sink.write({ offset: 0, data, release() {} });
      await stored.promise;
      // Nobody closed it, and its record says that nothing is durable.
      const next = await under.reopen();
      const again = await next.resume(idOf(1), form, emptyNote, noEvents);
      expect(again?.length).toBe(properties.keepsAfterCrash ? bytes : 0);
      await again?.close();
    });

    test("what was cut off while it was published is recovered: all of it, or as much as is there", async () => {
      await using under = await make();
      const destination = { folder: "anna", name: "a.raw" };
      const content = whole("content");
      const { sha256 } = descriptionOf(idOf(1), "anna", "a.raw", content);
      const { emptyNote } = under.storage;
      const recover = (storage: Storage, note = emptyNote) =>
        storage.recover(idOf(1), note, destination, sha256);
      expect(await recover(under.storage)).toEqual({ type: "gone" });
      const sink = await under.storage.begin(idOf(1), form, noEvents);
      sink.write({ offset: 0, data: content, release() {} });
      const note = await sink.close();
      const complete = await recover(await under.reopen(), note);
      if (complete.type !== "complete") throw new Error(`it is complete, not ${complete.type}`);
      const contents = await complete.sink.contents();
      await complete.sink.publish(destination, descriptionOf(idOf(1), "anna", "a.raw", content, contents));
      expect(await recover(await under.reopen())).toEqual({ type: "published" });
      // Under this name it is another upload's, whatever it holds.
      const other = await under.storage.recover(idOf(2), emptyNote, destination, sha256);
      expect(other).toEqual({ type: "gone" });
    });

    test("discarding what is open, what is put away, and what is not there", async () => {
      await using under = await make();
      for (const number of [1, 2]) {
        const sink = await under.storage.begin(idOf(number), form, noEvents);
        sink.write({ offset: 0, data: whole("x"), release() {} });
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
      const destination = { folder: "anna", name: "run 1.raw" };
      expect(await under.storage.obstacle(destination)).toBeNull();
      const leftOf = async (storage: Storage, number: number, sha256: string): Promise<string> =>
        (await storage.recover(idOf(number), storage.emptyNote, destination, sha256)).type;
      expect(await leftOf(under.storage, 1, "00")).toBe("gone");
      const { sha256 } = await publish(under.storage, 1, "anna", "run 1.raw");
      expect(await under.storage.obstacle(destination)).not.toBeNull();
      expect(await leftOf(under.storage, 1, sha256)).toBe("published");
      expect(await Array.fromAsync(under.storage.ids())).toEqual([]);
      const next = await under.reopen();
      expect(await leftOf(next, 1, sha256)).toBe("published");
      expect(await leftOf(next, 2, sha256)).toBe("gone");
    });

    test("what is published is read again, and what is not there is missing", async () => {
      await using under = await make();
      const { sha256, metadataText } = await publish(under.storage, 1, "anna", "a");
      const content = parseSidecar(metadataText)?.contents?.list ?? sha256;
      const stored = { id: idOf(1), form, sha256, content, size: null, metadataText: '{"sample":"A1"}' };
      const flaws: Flaw[] = [];
      let bytes = 0;
      const reading = {
        pace: async (count: number) => {
          bytes += count;
        },
        flaw: async (flaw: Flaw) => void flaws.push(flaw),
      };
      expect(await under.storage.readBack({ folder: "anna", name: "a" }, stored, reading)).toBe(true);
      expect(flaws).toEqual([]);
      expect(bytes).toBeGreaterThan(0);
      expect(await under.storage.readBack({ folder: "anna", name: "b" }, stored, reading)).toBe(false);
      expect(flaws).toMatchObject([{ kind: "missing", path: "anna/b" }]);
    });

    test("an empty file is published as well", async () => {
      await using under = await make();
      await publish(under.storage, 1, "anna", "empty", "");
      expect(await under.storage.obstacle({ folder: "anna", name: "empty" })).not.toBeNull();
    });

    test("a name that is taken is not replaced, and the first file stays as it is", async () => {
      await using under = await make();
      const { sha256 } = await publish(under.storage, 1, "anna", "a.raw", "first");
      expect(await codeOf(publish(under.storage, 2, "anna", "a.raw", "second"))).toBe("name-taken");
      expect((await under.storage.obstacle({ folder: "anna", name: "a.raw" }))?.published?.sha256).toBe(
        sha256,
      );
      await under.storage.discard(idOf(2));
      expect((await under.storage.obstacle({ folder: "anna", name: "a.raw" }))?.published?.sha256).toBe(
        sha256,
      );
    });

    test("another user's name is another name", async () => {
      await using under = await make();
      await publish(under.storage, 1, "anna", "a.raw");
      expect(await under.storage.obstacle({ folder: "bert", name: "a.raw" })).toBeNull();
      await publish(under.storage, 2, "bert", "a.raw");
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
      await publish(under.storage, 1, "anna", first);
      expect(await under.storage.obstacle({ folder: "anna", name: second })).not.toBeNull();
      expect(await codeOf(publish(under.storage, 2, "anna", second))).toBe("name-taken");
    });

    test("names that only look alike live beside each other", async () => {
      await using under = await make();
      const names = ["a", "a.sha", "b.sha256", "a.meta", "a.sha256.txt"];
      for (const [index, name] of names.entries()) await publish(under.storage, index + 1, "anna", name);
      for (const name of names) expect(await under.storage.obstacle({ folder: "anna", name })).not.toBeNull();
    });

    test("of many uploads that are published under one name at once, exactly one gets it", async () => {
      await using under = await make();
      const codes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          publish(under.storage, index + 1, "anna", index % 2 === 0 ? "a.raw" : "A.RAW", `${index}`).then(
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
