// The storage in an object store: the contract, on Ceph's own gateway and on Swift's, and what it promises beyond that.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { numbersAhead } from "../../../src/storage/s3/part-plan.ts";
import type { S3Sink } from "../../../src/storage/s3/s3-sink.ts";
import type { Sink } from "../../../src/storage/storage.ts";
import { layouts } from "../../../src/upload/upload.ts";
import { codeOf, datasetKind, storageContract } from "../contract.ts";
import { Bucket, MiB, type Store, stores } from "./s3-world.ts";
import { SentUpload as Upload } from "./sent-upload.ts";

const sha256 = (bytes: Uint8Array | null): string =>
  createHash("sha256")
    .update(bytes ?? "")
    .digest("hex");

describe.each(stores)("the storage in $name", ({ name: storeName, missing, start, threads }) => {
  describe.skipIf(missing !== null)(missing ?? "is there", () => {
    const isCeph = storeName === "Ceph";
    let store: Store;
    beforeAll(async () => {
      store = await start();
    });
    afterAll(async () => await store?.[Symbol.asyncDispose]());

    const make = async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      return { storage, reopen: () => bucket.open(), [Symbol.asyncDispose]: () => storage.close() };
    };
    storageContract("S3", make);
    // What a layout is, no store knows: one is enough of the one that takes several times as long.
    for (const layout of isCeph ? layouts : layouts.slice(0, 1))
      storageContract(`S3, datasets (${layout})`, make, datasetKind(layout));

    /** What was published is what was sent, and nothing else is left. */
    async function expectWhole(bucket: Bucket, ...uploads: readonly Upload[]): Promise<void> {
      for (const { all, destination } of uploads)
        expect(sha256(await bucket.bytes(`lab/anna/${destination.name}`))).toBe(sha256(all));
      expect(await bucket.keys("lab/.dync/")).toEqual([]);
      expect(await bucket.multiparts()).toEqual([]);
    }

    test("uploads that have no memory left for their parts store pieces, and all get on", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open({ memoryBytes: 12 * MiB });
      const uploads = Array.from({ length: 6 }, (_, index) => {
        const all = randomBytes(11 * MiB + index);
        return new Upload(index + 1, all, all.length, storage.emptyNote);
      });
      const sinks = await Promise.all(uploads.map((it) => it.begin(storage)));
      let pieces = 0;
      await Promise.all(uploads.map((it, index) => it.send(sinks[index] as Sink, 0, 6 * MiB)));
      for (const key of await bucket.keys("lab/.dync/uploads/")) if (key.split("/").length > 4) pieces++;
      expect(pieces).toBeGreaterThan(2);
      await Promise.all(
        uploads.map(async (it, index) => {
          const sink = sinks[index] as Sink;
          await it.send(sink, 6 * MiB, it.all.length);
          await it.publish(sink);
        }),
      );
      await expectWhole(bucket, ...uploads);
      await storage.close();
    });

    /** One whose server stored two parts, and number 3, or another one, of which its record does not tell. */
    async function unknownPart(bucket: Bucket, all: Buffer, number = 3): Promise<Upload> {
      const storage = await bucket.open();
      const dying = new Upload(1, all, all.length, storage.emptyNote);
      const sink = await dying.begin(storage);
      await dying.send(sink, 0, 16 * MiB);
      await expectPut(sink);
      const { note } = dying;
      dying.record = async () => false;
      const state = JSON.parse((await bucket.text(`lab/.dync/uploads/${dying.id}`)) ?? "{}");
      const bytes = all.subarray((number - 1) * 8 * MiB, number * 8 * MiB);
      await bucket.client.putPart(state, number, [bytes], { forMs: 10_000 });
      await storage.close();
      return new Upload(1, all, all.length, note);
    }

    /** All parts are stored that were begun. */
    async function expectPut(sink: Sink): Promise<void> {
      await (sink as S3Sink).untilStored();
    }

    test("a part that a server stored which died before it wrote that down is adopted, and not stored again", async () => {
      const bucket = await Bucket.make(store, threads);
      const all = randomBytes(40 * MiB);
      const upload = await unknownPart(bucket, all);
      const storage = await bucket.open();
      const sink = await upload.resume(storage);
      expect(sink?.length).toBe(16 * MiB);
      await upload.send(sink as Sink, 16 * MiB, all.length);
      await upload.publish(sink as Sink);
      const { runs } = JSON.parse(upload.note.mark ?? "{}") as { runs: unknown };
      // Number 3 was there; what may have been on its way is behind.
      expect(runs).toEqual([
        [1, 3],
        [7, 2],
      ]);
      await expectWhole(bucket, upload);
      await storage.close();
    });

    test("one that stored the next but one, and not the one before it: they are put together in their order", async () => {
      const bucket = await Bucket.make(store, threads);
      const all = randomBytes(40 * MiB);
      const upload = await unknownPart(bucket, all, 4);
      const storage = await bucket.open();
      const sink = await upload.resume(storage);
      expect(sink?.length).toBe(16 * MiB);
      await upload.send(sink as Sink, 16 * MiB, all.length);
      await upload.publish(sink as Sink);
      const { runs } = JSON.parse(upload.note.mark ?? "{}") as { runs: readonly [number, number][] };
      expect(runs.slice(0, 1)).toEqual([[1, 4]]);
      await expectWhole(bucket, upload);
      await storage.close();
    });

    test("where it has other bytes than those that come now, what came is published, or nothing is and the upload begins anew", async () => {
      const bucket = await Bucket.make(store, threads);
      const upload = await unknownPart(bucket, randomBytes(40 * MiB));
      randomBytes(1 * MiB).copy(upload.all, 17 * MiB);
      const storage = await bucket.open();
      const sink = await upload.resume(storage);
      await upload.send(sink as Sink, 16 * MiB, upload.all.length);
      // It leaves a part out of an object, where Ceph does not.
      if (!isCeph) {
        await upload.publish(sink as Sink);
        await expectWhole(bucket, upload);
        return await storage.close();
      }
      expect(await codeOf(upload.publish(sink as Sink))).toBe("not-ready");
      expect(await bucket.keys()).toEqual([]);
      expect(await bucket.multiparts()).toEqual([]);
      const { destination } = upload;
      const left = await storage.recover(upload.id, upload.note, destination, sha256(upload.all));
      expect(left).toEqual({ type: "gone" });
      await storage.close();
    });

    test("who may not write down any more what it stored stops storing", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const all = randomBytes(80 * MiB);
      const upload = new Upload(1, all, all.length, storage.emptyNote);
      const sink = await upload.begin(storage);
      await upload.send(sink, 0, 16 * MiB);
      upload.isLost = true;
      expect(await codeOf(upload.send(sink, 16 * MiB, all.length))).toBe("not-ready");
      const [multipart] = await Array.fromAsync(bucket.client.multiparts("", { forMs: 10_000 }));
      const parts = await bucket.client.parts(multipart?.key ?? "", multipart?.uploadId ?? "", {
        forMs: 10_000,
      });
      expect(parts?.length).toBeLessThanOrEqual(2 + numbersAhead);
      await sink.discard();
      expect(await bucket.keys()).toEqual([]);
      await storage.close();
    });

    test("what a stream was told is stored is there after a crash", async () => {
      const bucket = await Bucket.make(store, threads);
      const [first, second] = [await bucket.open(), await bucket.open()];
      const all = randomBytes(21 * MiB + 5);
      const dying = new Upload(1, all, undefined, first.emptyNote);
      await dying.send(await dying.begin(first), 0, 19 * MiB);
      const { stored, note } = dying;
      expect(stored).toBe(19 * MiB);
      const upload = new Upload(1, all, undefined, note);
      const sink = await upload.resume(second);
      expect(sink?.length).toBe(19 * MiB);
      await upload.send(sink as Sink, 19 * MiB, all.length);
      await upload.publish(sink as Sink);
      await expectWhole(bucket, upload);
      for (const storage of [first, second]) await storage.close();
    });

    test("what is put away is in the store to its last byte, and what is discarded is gone", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const all = randomBytes(11 * MiB);
      const upload = new Upload(1, all, all.length, storage.emptyNote);
      const sink = await upload.begin(storage);
      await upload.send(sink, 0, 10 * MiB);
      upload.note = await sink.close();
      expect(upload.note.durable).toBe(10 * MiB);
      expect(await Array.fromAsync(storage.ids())).toEqual([upload.id]);
      expect((await storage.lookAt(upload.id))?.bytes).toBe(10 * MiB);
      expect(await bucket.multiparts()).toEqual(["lab/anna/1.raw"]);
      expect((await upload.resume(storage))?.length).toBe(10 * MiB);
      await storage.discard(upload.id);
      expect(await bucket.keys()).toEqual([]);
      expect(await bucket.multiparts()).toEqual([]);
      expect(await upload.resume(storage)).toBeNull();
      await storage.close();
    });

    test("parts that are not the ones that were stored are not gone on with", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const all = randomBytes(20 * MiB);
      const upload = new Upload(1, all, all.length, storage.emptyNote);
      const sink = await upload.begin(storage);
      await upload.send(sink, 0, 20 * MiB);
      upload.note = await sink.close();
      const state = JSON.parse((await bucket.text(`lab/.dync/uploads/${upload.id}`)) ?? "{}");
      await bucket.client.putPart(state, 2, [randomBytes(8 * MiB)], { forMs: 10_000 });
      expect(await upload.resume(storage)).toBeNull();
      await storage.close();
    });

    test("what is held lies hidden until somebody says where it goes, and then there", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const all = randomBytes(16 * MiB);
      const upload = new Upload(1, all, all.length, storage.emptyNote);
      const sink = await storage.begin(upload.id, "file", upload, { size: all.length });
      await upload.send(sink, 0, all.length);
      upload.note = await sink.close();
      expect(upload.note.durable).toBe(all.length);
      const { destination } = upload;
      const left = await storage.recover(upload.id, upload.note, destination, sha256(all));
      if (left.type !== "complete") throw new Error(`it is complete, not ${left.type}`);
      // A crash came when the store had put it together, and not copied it.
      const { key, uploadId } = JSON.parse((await bucket.text(`lab/.dync/uploads/${upload.id}`)) ?? "{}");
      const parts = (await bucket.client.parts(key, uploadId, { forMs: 10_000 })) ?? [];
      expect(await bucket.client.complete({ key, uploadId }, parts, { forMs: 10_000 })).toBe("done");
      const again = await storage.recover(upload.id, upload.note, destination, sha256(all));
      if (again.type !== "complete") throw new Error(`it is complete, not ${again.type}`);
      await upload.publish(again.sink);
      await expectWhole(bucket, upload);
      await storage.close();
    });

    test("an object that a frozen server makes late, when another one has its upload, is that upload's", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const all = randomBytes(1000);
      const upload = new Upload(1, all, all.length, storage.emptyNote);
      const { destination } = upload;
      // Its names are known, so nobody looks for this one by chance.
      expect(await storage.obstacle({ folder: "anna", name: "other.raw" })).toBeNull();
      const left = await storage.recover(upload.id, upload.note, destination, sha256(all));
      expect(left.type).toBe("gone");
      const about = { "dync-upload": upload.id };
      await bucket.client.put("lab/anna/1.raw", [all], { about }, { forMs: 10_000 });
      const second = await bucket.open();
      const sink = (await upload.resume(second)) as Sink;
      await upload.send(sink, 0, all.length);
      await upload.publish(sink);
      await expectWhole(bucket, upload);
      for (const one of [storage, second]) await one.close();
    });

    test("one of other bytes is told", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const all = randomBytes(1000);
      const upload = new Upload(1, all, all.length, storage.emptyNote);
      const sink = await upload.begin(storage);
      await upload.send(sink, 0, all.length);
      const about = { "dync-upload": upload.id };
      await bucket.client.put("lab/anna/1.raw", [randomBytes(1000)], { about }, { forMs: 10_000 });
      if (isCeph) expect(await codeOf(upload.publish(sink))).toBe("internal");
      else {
        // A store that heeds no conditions replaces it.
        await upload.publish(sink);
        await expectWhole(bucket, upload);
      }
      await storage.close();
    });

    for (const [what, bytes] of [
      ["in one request", 1000],
      ["in parts", 9 * MiB],
    ] as const)
      test(`what another program put there meanwhile is not replaced by what is stored ${what}`, async () => {
        const bucket = await Bucket.make(store, threads);
        const storage = await bucket.open();
        const all = randomBytes(bytes);
        const upload = new Upload(1, all, all.length, storage.emptyNote);
        const sink = await upload.begin(storage);
        await upload.send(sink, 0, all.length);
        // Nobody looks at the names of its folder again so soon.
        expect(await storage.obstacle({ folder: "anna", name: "1.raw" })).toBeNull();
        await bucket.client.put("lab/anna/1.raw", [Buffer.from("theirs")], {}, { forMs: 10_000 });
        expect(await codeOf(upload.publish(sink))).toBe("name-taken");
        await sink.discard();
        expect(await bucket.text("lab/anna/1.raw")).toBe("theirs");
        expect(await bucket.keys()).toEqual(["lab/anna/1.raw"]);
        expect(await bucket.multiparts()).toEqual([]);
        await storage.close();
      });

    test("who is killed when the object is there, and the answer is not, has published it", async () => {
      const bucket = await Bucket.make(store, threads);
      const storage = await bucket.open();
      const all = randomBytes(9 * MiB);
      const upload = new Upload(1, all, all.length, storage.emptyNote);
      const sink = await upload.begin(storage);
      await upload.send(sink, 0, all.length);
      await upload.publish(sink);
      // Repeated by somebody who does not know it.
      const { destination } = upload;
      const left = await storage.recover(upload.id, upload.note, destination, sha256(all));
      expect(left).toEqual({ type: "published" });
      await expectWhole(bucket, upload);
      await storage.close();
    });
  });
});
