// Datasets in the object store: objects of their files, on Ceph's own gateway and on Swift's, whatever becomes of the servers that store them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import type { DatasetSink } from "../../../src/storage/s3/dataset/dataset-sink.ts";
import { Keys } from "../../../src/storage/s3/keys.ts";
import type { S3Storage } from "../../../src/storage/s3/s3-storage.ts";
import { orphansIn } from "../../../src/storage/s3/store-orphans.ts";
import type { Flaw, Prospect, Sink, SinkEvents, StoredNote } from "../../../src/storage/storage.ts";
import { blockBytes } from "../../../src/tar/member.ts";
import type { Layout } from "../../../src/upload/upload.ts";
import { tarOfFiles } from "../../simulation/tar-of-files.ts";
import { silentLogger } from "../../support/silent-logger.ts";
import { codeOf, descriptionOf, idOf } from "../contract.ts";
import { everything, type Listed, tarBytes, treeOf } from "../dataset-world.ts";
import { Bucket, MiB, type Store, stores } from "./s3-world.ts";

const patience = { forMs: 30_000 };
const destination = { folder: "anna", name: "run" };
const root = "lab/anna/run/";

const tarOf = (files: Readonly<Record<string, Buffer>>): Buffer => tarOfFiles(Object.entries(files));

/** An upload as a server sees it: what was told of it, and what is in its record. */
class Upload implements SinkEvents {
  readonly id: string;
  readonly all: Buffer;
  readonly layout: Layout;
  readonly prospect: Prospect;
  note: StoredNote = { durable: 0, mark: null };
  stored = 0;
  error: unknown = null;
  /** Another server has it. */
  isLost = false;
  #wake: () => void = () => {};

  constructor(number: number, all: Buffer, isStream = false, layout: Layout = "plain") {
    this.id = idOf(number);
    this.all = all;
    this.layout = layout;
    this.prospect = { destination, size: isStream ? undefined : all.length };
  }

  /** The same, as the next owner finds it. */
  next(all = this.all): Upload {
    const next = new Upload(1, all, this.prospect.size === undefined, this.layout);
    next.note = this.note;
    return next;
  }

  onStored(offset: number): void {
    this.stored = offset;
    this.#wake();
  }

  onNote(): void {}

  async record(note: StoredNote): Promise<boolean> {
    if (this.isLost) return false;
    expect(note.mark?.length).toBeLessThan(2000);
    this.note = note;
    return true;
  }

  onFailed(error: unknown): void {
    this.error = error;
    this.#wake();
  }

  onRefused(error: unknown): void {
    this.onFailed(error);
  }

  begin(storage: S3Storage): Promise<Sink> {
    return storage.begin(this.id, this.layout, this, this.prospect);
  }

  async resume(storage: S3Storage): Promise<Sink> {
    const sink = await storage.resume(this.id, this.layout, this.note, this, this.prospect);
    if (sink === null) throw new Error("it is there");
    this.stored = sink.length;
    return sink;
  }

  async send(sink: Sink, to = this.all.length, chunkBytes = 2 * MiB): Promise<void> {
    for (let offset = sink.length; offset < to; ) {
      const data = this.all.subarray(offset, Math.min(to, offset + chunkBytes));
      sink.write({ offset, data, release() {} });
      offset += data.length;
      while (this.error === null && this.stored < offset - 7 * chunkBytes) await this.#told();
    }
    while (this.error === null && this.stored < to) await this.#told();
    if (this.error !== null) throw this.error;
  }

  async #told(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  async publish(sink: Sink): Promise<void> {
    const contents = await sink.contents();
    const description = descriptionOf(this.id, "anna", "run", this.all, contents);
    expect(await sink.digest()).toBe(description.sha256);
    await sink.publish(destination, description);
  }
}

describe.each(stores)("datasets in $name", ({ name: storeName, missing, start, threads }) => {
  describe.skipIf(missing !== null)(missing ?? "is there", () => {
    let store: Store;
    beforeAll(async () => {
      store = await start();
    });
    afterAll(async () => await store?.[Symbol.asyncDispose]());

    /** All that lies there are these files, and what is beside them; nothing else is left. */
    async function expectWhole(bucket: Bucket, files: Readonly<Record<string, Buffer>>): Promise<void> {
      const paths = Object.keys(files).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await bucket.keys(root)).toEqual(paths.map((path) => root + path));
      for (const path of paths)
        expect(
          Buffer.compare((await bucket.bytes(root + path)) ?? Buffer.alloc(0), files[path] as Buffer),
        ).toBe(0);
      const sum = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
      const list = paths.map((path) => `${sum(files[path] as Buffer)}  run/${path}\n`).join("");
      expect(await bucket.text("lab/anna/run.sha256")).toBe(list);
      expect(await bucket.text("lab/anna/run.meta.json")).toContain('"unpack": "tar"');
      expect(await bucket.keys("lab/.dync/")).toEqual([]);
      expect(await bucket.multiparts()).toEqual([]);
    }

    function filesOf(members: Listed): Record<string, Buffer> {
      const tree = Object.entries(treeOf(members));
      return Object.fromEntries(
        tree.flatMap(([path, text]) => (text === null ? [] : [[path, Buffer.from(text)]])),
      );
    }

    test("members that come again, and what is taken out, are in the end what a disk has", async () => {
      const bucket = await Bucket.make(store, threads);
      const tar = Buffer.from(tarBytes(everything));
      for (const chunkBytes of [700, tar.length]) {
        const storage = await bucket.open();
        const upload = new Upload(1, tar);
        const sink = await upload.begin(storage);
        await upload.send(sink, tar.length, chunkBytes);
        await upload.publish(sink);
        await expectWhole(bucket, filesOf(everything));
        for (const key of await bucket.keys()) await bucket.client.remove(key, patience);
        await storage.close();
      }
    });

    test("it goes on anywhere, as a stream too, by another server and without an end of the one before", async () => {
      const bucket = await Bucket.make(store, threads);
      const tar = Buffer.from(tarBytes(everything));
      const storages: S3Storage[] = [await bucket.open()];
      let upload = new Upload(1, tar, true);
      let sink = await upload.begin(storages[0] as S3Storage);
      for (let at = 0; at < tar.length; at += 1777) {
        await upload.send(sink, Math.min(tar.length, at + 1777), 1000);
        expect(upload.note.durable).toBe(Math.min(tar.length, at + 1777));
        const storage = await bucket.open();
        storages.push(storage);
        upload = upload.next();
        sink = await upload.resume(storage);
      }
      expect(sink.length).toBe(tar.length);
      await upload.publish(sink);
      await expectWhole(bucket, filesOf(everything));
      for (const storage of storages) await storage.close();
    });

    const small = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`a/${index}`, Buffer.from(`${index}`)]),
    );
    for (const [what, behind] of [
      ["in the midst of it", -8 * MiB],
      ["when it is an object, and the record tells of its parts alone", 0],
    ] as const)
      test(`large members go in parts, from which the next server goes on ${what}`, async () => {
        const bucket = await Bucket.make(store, threads);
        const large = { ...small, "b/large": randomBytes(41 * MiB) };
        const more = { "b/part": randomBytes(8 * MiB), "c/large": randomBytes(9 * MiB), c2: Buffer.alloc(0) };
        const tar = tarOf({ ...large, ...more });
        const first = await bucket.open();
        const dying = new Upload(1, tar);
        const sink = await dying.begin(first);
        await dying.send(sink, tarOf(large).length - 2 * blockBytes + behind);
        await (sink as DatasetSink).untilStored();
        expect(await bucket.text("lab/anna/run.meta.json")).toBeNull();
        expect((await bucket.multiparts()).length).toBe(behind === 0 ? 0 : 1);
        const second = await bucket.open();
        const upload = dying.next();
        dying.isLost = true;
        const next = await upload.resume(second);
        expect(next.length).toBeGreaterThanOrEqual(behind === 0 ? 41 * MiB : 32 * MiB);
        await upload.send(next);
        await upload.publish(next);
        await expectWhole(bucket, { ...large, ...more });
        for (const storage of [first, second]) await storage.close();
      });

    test("memory that others wait for is given back by what is under way in the midst of a member", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open({ memoryBytes: 9 * MiB });
      const upload = (number: number): Upload => {
        const it = new Upload(number, tarOf({ x: randomBytes(7 * MiB) }));
        (it.prospect as { destination: unknown }).destination = { folder: "anna", name: `run${number}` };
        return it;
      };
      const uploads = [upload(1), upload(2), upload(3)];
      const sinks = await Promise.all(uploads.map((it) => it.begin(storage)));
      await Promise.all(uploads.map((it, index) => it.send(sinks[index] as Sink, 5 * MiB, MiB / 2)));
      await Promise.all(uploads.map((it, index) => it.send(sinks[index] as Sink, undefined, MiB / 2)));
      for (const [index, sink] of sinks.entries()) {
        const { all } = uploads[index] as Upload;
        expect(await sink.digest()).toBe(createHash("sha256").update(all).digest("hex"));
        const place = { folder: "anna", name: `run${index + 1}` };
        await sink.publish(
          place,
          descriptionOf(idOf(index + 1), "anna", place.name, all, await sink.contents()),
        );
      }
      expect(await bucket.keys("lab/.dync/")).toEqual([]);
      await storage.close();
    });

    test("what a server stores late that has lost the upload is not published, whatever its client sent then", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const files = { "a/same": Buffer.from("same"), "a/other": Buffer.from("new"), b: Buffer.from("end") };
      const upload = new Upload(1, tarOf(files));
      const sink = await upload.begin(storage);
      // Members that its predecessor stored and never told: one is what comes, one is not, one does not come.
      const ours = { about: { "dync-upload": upload.id } };
      for (const [path, text] of [
        ["a/same", "same"],
        ["a/other", "old"],
        ["a/extra", "extra"],
      ] as const)
        await bucket.client.put(root + path, [Buffer.from(text)], ours, patience);
      await upload.send(sink);
      await (sink as DatasetSink).untilStored();
      // And one that comes later still: where the store heeds conditions it takes no place.
      const late = { ...ours, isNew: true };
      const isRefused = !(await bucket.client.put(`${root}b`, [Buffer.from("late")], late, patience));
      expect(isRefused).toBe(storeName === "Ceph");
      if (isRefused) {
        await upload.publish(sink);
        await expectWhole(bucket, files);
      } else {
        expect(await codeOf(upload.publish(sink))).toBe("not-ready");
        await sink.close();
        expect(await bucket.keys()).toEqual([]);
        const left = await storage.recover(upload.id, upload.note, destination, "00");
        expect(left.type).toBe("gone");
      }
      await storage.close();
    });

    test("a part that a frozen server stores late in a member has all of it begin anew, where the store heeds it", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const files = { a: Buffer.from("a"), b: randomBytes(20 * MiB), c: Buffer.from("c") };
      const upload = new Upload(1, tarOf(files));
      const sink = await upload.begin(storage);
      await upload.send(sink, 12 * MiB);
      await (sink as DatasetSink).untilStored();
      for await (const late of bucket.client.multiparts("", patience))
        await bucket.client.putPart(late, 900, [randomBytes(5 * MiB)], patience);
      if (storeName !== "Ceph") {
        await upload.send(sink);
        await upload.publish(sink);
      } else {
        expect(await codeOf(upload.send(sink))).toBe("not-ready");
        // As a server does: it tries what is durable, and whoever comes back for it begins anew.
        expect(await codeOf(sink.rewind())).toBe("not-ready");
        upload.note = await sink.close();
        expect(await storage.resume(upload.id, "plain", upload.note, upload, upload.prospect)).toBeNull();
        await storage.discard(upload.id);
        expect(await bucket.keys()).toEqual([]);
        const again = new Upload(2, upload.all);
        const next = await again.begin(storage);
        await again.send(next);
        await again.publish(next);
      }
      await expectWhole(bucket, files);
      await storage.close();
    });

    test("who may not write down any more what it stored replaces nothing", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const upload = new Upload(1, tarOf({ a: Buffer.from("mine") }));
      const sink = await upload.begin(storage);
      const ours = { about: { "dync-upload": upload.id } };
      await bucket.client.put(`${root}a`, [Buffer.from("theirs")], ours, patience);
      upload.isLost = true;
      if (storeName === "Ceph") {
        await upload.send(sink).catch(() => {});
        await (sink as DatasetSink).untilStored();
        expect(await bucket.text(`${root}a`)).toBe("theirs");
      }
      await sink.close();
      await storage.close();
    });

    test("what lies there is not replaced, and stays when the upload is discarded", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const upload = new Upload(1, tarOf({ a: Buffer.from("a"), b: randomBytes(9 * MiB) }));
      await bucket.client.put(`${root}theirs`, [Buffer.from("x")], {}, patience);
      expect(await codeOf(upload.begin(storage))).toBe("name-taken");
      await bucket.client.remove(`${root}theirs`, patience);
      const sink = await upload.begin(storage);
      expect(await codeOf(new Upload(2, upload.all).begin(storage))).toBe("name-taken");
      // While it comes the catalogue has its name.
      await upload.send(sink, 9 * MiB);
      expect(await storage.obstacle(destination)).toBeNull();
      await bucket.client.put(`${root}theirs`, [Buffer.from("x")], {}, patience);
      await upload.send(sink);
      expect(await codeOf(upload.publish(sink))).toBe("name-taken");
      upload.note = await sink.close();
      expect((await storage.lookAt(upload.id))?.bytes).toBeGreaterThan(9 * MiB);
      await storage.discard(upload.id);
      expect(await bucket.keys()).toEqual([`${root}theirs`]);
      expect(await bucket.multiparts()).toEqual([]);
      await storage.close();
    });

    test("a bag is one, what is changed in it is told, and what describes it can be changed", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const upload = new Upload(1, tarOf({ "a b": Buffer.from("a"), c: Buffer.from("c") }), false, "bagit");
      const sink = await upload.begin(storage);
      await upload.send(sink);
      const contents = await sink.contents();
      await upload.publish(sink);
      const own = [
        "bag-info.txt",
        "bagit.txt",
        "data/a b",
        "data/c",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
      ];
      expect(await bucket.keys(root)).toEqual(own.map((name) => root + name));
      const flaws = async (): Promise<readonly string[]> => {
        const found: Flaw[] = [];
        const reading = { pace: async () => {}, flaw: async (flaw: Flaw) => void found.push(flaw) };
        const stored = {
          id: upload.id,
          form: "bagit",
          sha256: createHash("sha256").update(upload.all).digest("hex"),
          content: contents?.list ?? "",
          size: null,
          metadataText: null,
        } as const;
        expect(await storage.readBack(destination, stored, reading)).toBe(true);
        return found.map(({ kind, path }) => `${kind} ${path}`);
      };
      expect(await flaws()).toEqual([]);
      const text = (await bucket.text("lab/anna/run.meta.json")) ?? "";
      expect(await storage.amend(upload.id, destination, text)).toBe("run.meta.json.1");
      await bucket.client.put(`${root}data/c`, [Buffer.from("d")], {}, patience);
      await bucket.client.put(`${root}data/more`, [], {}, patience);
      await bucket.client.remove(`${root}bagit.txt`, patience);
      expect(await flaws()).toEqual([
        "missing anna/run/bagit.txt",
        "damaged anna/run/data/c",
        "extra anna/run/data/more",
      ]);
      const known = await Array.fromAsync(storage.published(silentLogger));
      expect(known.map(({ id }) => id)).toEqual([upload.id]);
      expect(await Array.fromAsync(orphansIn({ client: bucket.client, keys: new Keys("lab") }))).toEqual([]);
      await storage.close();
    });

    test("who is killed between any two of the last requests is followed by who publishes it", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const files = { a: Buffer.from("a"), b: randomBytes(9 * MiB) };
      const upload = new Upload(1, tarOf(files));
      const sink = await upload.begin(storage);
      await upload.send(sink);
      upload.note = await sink.close();
      const sum = createHash("sha256").update(upload.all).digest("hex");
      const list = { about: { "dync-upload": upload.id } };
      await bucket.client.put("lab/anna/run.sha256", [Buffer.from("half")], list, patience);
      const left = await (await bucket.open()).recover(upload.id, upload.note, destination, sum);
      if (left.type !== "complete") throw new Error(`it is complete, not ${left.type}`);
      await upload.publish(left.sink);
      await expectWhole(bucket, files);
      expect(await storage.recover(upload.id, upload.note, destination, sum)).toEqual({ type: "published" });
      await storage.discard(upload.id);
      await expectWhole(bucket, files);
      await storage.close();
    });
  });
});
