// What a server does late that was frozen while another one took its upload over, or what one leaves that dies in the midst of something: over a
// model of a store, so that each of it happens when it is to. The simulation finds such things; here is what it found.

import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { NoAnswer } from "../../../src/storage/s3/client/s3-error.ts";
import type { S3Storage } from "../../../src/storage/s3/s3-storage.ts";
import type { Sink } from "../../../src/storage/storage.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { codeOf, descriptionOf } from "../contract.ts";
import { tarBytes } from "../dataset-world.ts";
import { chunkBytes, ModelWorld, partBytes } from "./model-world.ts";
import { SentUpload } from "./sent-upload.ts";

async function publishWhole(upload: SentUpload, storage: S3Storage): Promise<void> {
  const sink = (await upload.resume(storage)) as Sink;
  await upload.send(sink, sink.length, upload.all.length);
  await upload.publish(sink);
}

/** As a server does that takes up what is recorded as being published. */
async function publishAgain(upload: SentUpload, storage: S3Storage): Promise<Sink> {
  const { sha256: digest } = descriptionOf(upload.id, "anna", "1.raw", upload.all);
  const left = await storage.recover(upload.id, upload.note, upload.destination, digest);
  if (left.type !== "complete") throw new Error(`it is complete, not ${left.type}`);
  await upload.publish(left.sink);
  return left.sink;
}

describe("an upload that another server has by now", () => {
  test("is gone on with from its record, whatever that says late of a multipart upload of its own", async () => {
    const world = new ModelWorld();
    const upload = await world.begun(5 * partBytes, 2);
    const late = JSON.stringify({ key: "anna/1.raw", uploadId: world.store.begin("anna/1.raw", {}) });
    world.store.put(`.dync/uploads/${upload.id}`, Buffer.from(late), {}, false);
    await publishWhole(upload, world.open());
    world.expectWhole(upload);
  });

  test("has the pieces that its record tells of, also when that stores a shorter one late", async () => {
    const world = new ModelWorld();
    const upload = await world.begun(3 * partBytes, 1, false);
    const before = upload.note;
    const late = (await upload.resume(world.open())) as Sink;
    // Less than a part, in one piece: what is put away is stored.
    const sink = (await upload.resume(world.open())) as Sink;
    await upload.send(sink, partBytes, partBytes + 2 * chunkBytes);
    upload.note = await sink.close();
    const after = upload.note;
    expect(after.durable).toBe(partBytes + 2 * chunkBytes);
    upload.note = before;
    await upload.send(late, partBytes, partBytes + chunkBytes);
    await late.close();
    upload.note = after;
    await publishWhole(upload, world.open());
    world.expectWhole(upload);
  });

  test("and made an object of, is looked for again by who stores a part of it", async () => {
    const world = new ModelWorld();
    const upload = await world.begun(4 * partBytes, 3);
    const late = (await upload.resume(world.open())) as Sink;
    await publishWhole(upload, world.open());
    await upload.send(late, 3 * partBytes, 4 * partBytes).catch(() => {});
    expect(await codeOf(upload.publish(late))).toBe("not-ready");
    world.expectWhole(upload);
  });
});

test("who dies while it publishes again what has a piece leaves that piece to the next one", async () => {
  const world = new ModelWorld();
  const upload = await world.begun(2 * partBytes + chunkBytes, 2);
  const first = world.open();
  const sink = (await upload.resume(first)) as Sink;
  await upload.send(sink, 2 * partBytes, upload.all.length);
  // All of it came, and what is no part is stored by itself.
  upload.note = await sink.close();
  const dying = world.open(() => ({ complete: () => Promise.reject(new NoAnswer("it died")) }));
  expect(await codeOf(publishAgain(upload, dying))).toBe("not-ready");
  await publishAgain(upload, world.open());
  world.expectWhole(upload);
});

test("who dies while it publishes a dataset again leaves the journal that the record names to the next one", async () => {
  const world = new ModelWorld();
  const first = world.open();
  // Without the mark of its end the tar is over where its last member is, of which the journal does not tell yet.
  const content = "c".repeat(4 * partBytes);
  const tar = Buffer.from(tarBytes([["a", content]])).subarray(0, 512 + content.length);
  const upload = new SentUpload(1, tar, tar.length, first.emptyNote, chunkBytes);
  await upload.send(await first.begin(upload.id, "plain", upload, upload.prospect), 0, tar.length);
  expect(upload.note.durable).toBe(tar.length);
  const dying = world.open((client) => ({
    put: (key, ...what) => {
      if (key.endsWith(".sha256")) throw new NoAnswer("it died");
      return client.put(key, ...what);
    },
  }));
  expect(await codeOf(publishAgain(upload, dying))).toBe("not-ready");
  await publishAgain(upload, world.open());
  expect(world.store.get("anna/1.raw/a")?.bytes.toString()).toBe(content);
  expect(world.store.keys(".dync/")).toEqual([]);
});

// As Ceph's gateway does for ten minutes where another one died while it put the parts together.
test("a server that stops does not wait for a store that does not put a file together: another one publishes it", async () => {
  const world = new ModelWorld();
  const upload = await world.begun(3 * partBytes, 2);
  const clock = new ManualClock();
  const asked = Promise.withResolvers<void>();
  const stopping = world.open(
    () => ({
      complete: (_target, _parts, { signal }) => {
        asked.resolve();
        return new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
        });
      },
    }),
    clock,
  );
  const sink = (await upload.resume(stopping)) as Sink;
  await upload.send(sink, sink.length, upload.all.length);
  const published = upload.publish(sink);
  await asked.promise;
  stopping.stopWaiting();
  clock.advance(15_000);
  expect(await codeOf(published)).toBe("not-ready");
  upload.note = await sink.close();
  await publishWhole(upload, world.open());
  world.expectWhole(upload);
});

describe("what describes a file is there when the file is", () => {
  /** A file that fits into memory, all of which came to `storage`. */
  async function arrived(storage: S3Storage) {
    const all = randomBytes(partBytes / 2);
    const upload = new SentUpload(1, all, all.length, storage.emptyNote, chunkBytes);
    const sink = await upload.begin(storage);
    await upload.send(sink, 0, all.length);
    return { upload, sink, description: descriptionOf(upload.id, "anna", "1.raw", all) };
  }

  function expectDescribed(world: ModelWorld, upload: SentUpload): void {
    world.expectWhole(upload);
    expect(world.store.keys("anna/")).toEqual(["anna/1.raw", "anna/1.raw.meta.json", "anna/1.raw.sha256"]);
  }

  test("though another server took it away before the object was there", async () => {
    const world = new ModelWorld();
    const note = { durable: 0, mark: null };
    const { upload, sink, description } = await arrived(
      world.open((client) => ({
        put: async (key, ...what) => {
          if (key === "anna/1.raw") {
            const { id, destination } = upload;
            const left = await world.open().recover(id, note, destination, description.sha256);
            expect(left.type).toBe("incomplete");
            expect(world.store.keys("anna/")).toEqual([]);
          }
          return await client.put(key, ...what);
        },
      })),
    );
    await upload.publish(sink);
    expectDescribed(world, upload);
  });

  test("though its object was made while another server took it away", async () => {
    const world = new ModelWorld();
    const dying = world.open((client) => ({
      put: (key, ...what) => {
        if (key === "anna/1.raw") throw new NoAnswer("it died");
        return client.put(key, ...what);
      },
    }));
    const { upload, sink } = await arrived(dying);
    const { id, all } = upload;
    expect(await codeOf(upload.publish(sink))).toBe("not-ready");
    const next = world.open((client) => ({
      remove: async (key, patience) => {
        world.store.put("anna/1.raw", all, { "dync-upload": id }, false);
        await client.remove(key, patience);
      },
    }));
    expect((await publishAgain(upload, next)).length).toBe(all.length);
    expectDescribed(world, upload);
  });
});

test("an object that is made while an upload is looked for is found", async () => {
  const world = new ModelWorld();
  const upload = await world.begun(2 * partBytes, 2);
  const { destination } = upload;
  const { sha256: digest } = descriptionOf(upload.id, "anna", "1.raw", upload.all);
  const looking = world.open((client) => ({
    parts: async (key, uploadId, patience) => {
      await publishWhole(upload, world.open());
      return await client.parts(key, uploadId, patience);
    },
  }));
  expect(await looking.recover(upload.id, upload.note, destination, digest)).toEqual({ type: "published" });
  world.expectWhole(upload);
});

test("a name whose file is just being published elsewhere is that upload's, and then that file's", async () => {
  const world = new ModelWorld();
  const upload = await world.begun(2 * partBytes, 2);
  const { destination } = upload;
  const storage = world.open();
  let half: unknown = null;
  const publishing = world.open((client) => ({
    complete: async (...what) => {
      half = await storage.obstacle(destination);
      const [target, parts, patience] = what;
      return await client.complete(target, parts, patience);
    },
  }));
  await publishWhole(upload, publishing);
  expect(half).toMatchObject({ published: null, claimedBy: upload.id });
  expect(await storage.obstacle(destination)).toMatchObject({ published: { id: upload.id } });
});

test("a name whose file another server published, while this one is still at it, is that file's", async () => {
  const world = new ModelWorld();
  const upload = await world.begun(2 * partBytes, 2);
  const { destination, id } = upload;
  const other = world.open();
  const late: S3Storage = world.open((client) => ({
    complete: async (...what) => {
      await publishWhole(upload, other);
      seen = await late.obstacle(destination);
      const [target, parts, patience] = what;
      return await client.complete(target, parts, patience);
    },
  }));
  let seen: unknown = null;
  await publishWhole(upload, late);
  expect(seen).toMatchObject({ published: { id } });
  world.expectWhole(upload);
});

test("a stream whose pieces are gone, as another server published it, is that server's", async () => {
  const world = new ModelWorld();
  const upload = await world.begun(2 * chunkBytes, 0, false);
  const sink = (await upload.resume(world.open())) as Sink;
  await upload.send(sink, 0, upload.all.length);
  upload.note = await sink.close();
  expect(upload.note.durable).toBe(upload.all.length);
  const late = (await upload.resume(world.open())) as Sink;
  await publishWhole(upload, world.open());
  expect(await codeOf(upload.publish(late))).toBe("not-ready");
  world.expectWhole(upload);
});

test("a dataset that another server publishes while it is taken up is not in its own way", async () => {
  const world = new ModelWorld();
  const first = world.open();
  const tar = Buffer.from(tarBytes([["a", "content"]]));
  const upload = new SentUpload(1, tar, tar.length, first.emptyNote, chunkBytes);
  const sink = await first.begin(upload.id, "plain", upload, upload.prospect);
  await upload.send(sink, 0, tar.length);
  await upload.publish(sink);
  const late = world.open().resume(upload.id, "plain", first.emptyNote, upload, upload.prospect);
  expect(await codeOf(late)).toBe("not-ready");
  expect(world.store.get("anna/1.raw/a")?.bytes.toString()).toBe("content");
});

test("who takes a dataset up late, of which nothing was in the record then, takes nothing away from who publishes it", async () => {
  const world = new ModelWorld();
  const tar = Buffer.from(tarBytes([["a", "content"]]));
  const late = world.open();
  const upload = new SentUpload(1, tar, tar.length, late.emptyNote, chunkBytes);
  const publishing = world.open((client) => ({
    put: async (key, ...what) => {
      // It has compared what is there.
      if (key.endsWith(".sha256")) {
        const sink = await late.resume(upload.id, "plain", late.emptyNote, upload, upload.prospect);
        await sink?.close();
      }
      return await client.put(key, ...what);
    },
  }));
  const sink = await publishing.begin(upload.id, "plain", upload, upload.prospect);
  await upload.send(sink, 0, tar.length);
  await upload.publish(sink);
  expect(world.store.get("anna/1.raw/a")?.bytes.toString()).toBe("content");
});

test.each([
  ["a file", "file"],
  ["a dataset", "plain"],
] as const)(
  "a name that the store lists where it died over a member, and nothing is, is free for %s",
  async (_what, form) => {
    const world = new ModelWorld();
    const storage = world.open();
    const all = form === "file" ? randomBytes(chunkBytes) : Buffer.from(tarBytes([["a", "content"]]));
    const upload = new SentUpload(1, all, all.length, storage.emptyNote, chunkBytes);
    world.store.halfStore("anna/1.raw/a");
    expect(await storage.obstacle(upload.destination)).toBeNull();
    const sink = await storage.begin(upload.id, form, upload, upload.prospect);
    await upload.send(sink, 0, all.length);
    await upload.publish(sink);
    expect(await storage.obstacle(upload.destination)).toMatchObject({ published: { id: upload.id } });
  },
);

describe("a name whose dataset is given up while somebody wants it is nobody's", () => {
  /** One that was given up between the list of what lies there and a question about it, when `isDue`. */
  async function givenUp(isDue: (key: string, members: number) => boolean) {
    const world = new ModelWorld();
    const storage = world.open();
    const tar = Buffer.from(tarBytes([["a", "content"]]));
    const earlier = new SentUpload(1, tar, tar.length, storage.emptyNote, chunkBytes);
    const sink = await storage.begin(earlier.id, "plain", earlier, earlier.prospect);
    await earlier.send(sink, 0, tar.length);
    await sink.close();
    expect(world.store.keys("anna/")).toEqual(["anna/1.raw/a"]);
    let [members, isGiven] = [0, false];
    const before = async (key: string): Promise<void> => {
      if (key.startsWith("anna/1.raw/")) members++;
      if (isGiven || !isDue(key, members)) return;
      isGiven = true;
      await storage.discard(earlier.id);
    };
    const asked = world.open((client) => ({
      head: async (key, patience) => {
        await before(key);
        return await client.head(key, patience);
      },
      read: async (key, patience) => {
        await before(key);
        return await client.read(key, patience);
      },
    }));
    const next = new SentUpload(2, tar, tar.length, storage.emptyNote, chunkBytes);
    const begun = asked.begin(next.id, "plain", next, { ...next.prospect, destination: earlier.destination });
    return { begun, world, earlier, asked };
  }

  // Whoever begins there looks at what is listed twice: for the name, and for what is to be empty.
  const isMember = (key: string, members: number): boolean => key === "anna/1.raw/a" && members === 2;
  const isStateAfter =
    (looks: number) =>
    (key: string, members: number): boolean =>
      members === looks && key.startsWith(".dync/uploads/");

  test.each([
    ["before its member is looked at", isMember],
    ["before what is known of it is read, for the name", isStateAfter(1)],
    ["before what is known of it is read, for what is to be empty", isStateAfter(2)],
  ])("%s", async (_when, isDue) => {
    const { begun, world, earlier, asked } = await givenUp(isDue);
    await (await begun).close();
    expect(await asked.obstacle(earlier.destination)).toBeNull();
    expect(world.store.keys("anna/")).toEqual([]);
  });
});

test("a dataset that is looked up while the store does not answer waits for that, and is no fault", async () => {
  const world = new ModelWorld();
  let isAway = false;
  const storage = world.open((client) => ({
    list: (prefix, patience) => {
      if (isAway) throw new NoAnswer("it does not answer");
      return client.list(prefix, patience);
    },
  }));
  const tar = Buffer.from(tarBytes([["a", "content"]]));
  const upload = new SentUpload(1, tar, tar.length, storage.emptyNote, chunkBytes);
  const sink = await storage.begin(upload.id, "plain", upload, upload.prospect);
  await upload.send(sink, 0, tar.length);
  const again = await storage.resume(upload.id, "plain", await sink.close(), upload, upload.prospect);
  isAway = true;
  expect(await codeOf((again as Sink).rewind())).toBe("not-ready");
});
