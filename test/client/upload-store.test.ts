// What the client remembers of unfinished uploads: found again, private, and nothing foreign is touched.

import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import type { DyncError } from "../../src/base/error.ts";
import { type UnfinishedUpload, UploadStore } from "../../src/client/upload-store.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { codeOf } from "./bytes-source.ts";

const isWindows = process.platform === "win32";
const isRoot = process.getuid?.() === 0;

function uploadOf(number: number, change: Partial<UnfinishedUpload> = {}): UnfinishedUpload {
  return {
    schema: 3,
    identity: number.toString(16).padStart(32, "a"),
    host: "qbic.example",
    port: 8889,
    serverKeyFile: null,
    origin: {
      kind: "file",
      path: "/data/run.raw",
      version: { size: 5, modified: "1767322800123456789", fileId: "1:2" },
    },
    name: "run.raw",
    metadataText: '{"sample":"A1","run":12345678901234567890}',
    startedAt: `2026-01-02T03:04:0${number}.000Z`,
    ...change,
  };
}

const origin = { kind: "file", path: "/data/run.raw" } as const;
const target = { host: "qbic.example", port: 8889, origin, name: "run.raw" };

describe("what was saved", () => {
  test("is found again as it was, by another process too", async () => {
    await using home = await tempFolder();
    await new UploadStore(home.path).save(uploadOf(1));
    expect(await new UploadStore(home.path).find(target)).toEqual(uploadOf(1));
  });

  test("keeps further addresses of the server, which make no other target of it", async () => {
    await using home = await tempFolder();
    const upload = uploadOf(1, { alsoAt: [{ host: "b.example", port: 9000 }] });
    await new UploadStore(home.path).save(upload);
    expect(await new UploadStore(home.path).find(target)).toEqual(upload);
  });

  test("takes the place of what was saved under its identity before", async () => {
    await using home = await tempFolder();
    const store = new UploadStore(home.path);
    await store.save(uploadOf(1));
    await store.save(uploadOf(1, { serverKeyFile: "/keys/server.key" }));
    expect((await store.list()).uploads).toEqual([uploadOf(1, { serverKeyFile: "/keys/server.key" })]);
  });

  test("is found only for its own server, file and name", async () => {
    await using home = await tempFolder();
    const store = new UploadStore(home.path);
    await store.save(uploadOf(1));
    const others = [
      { host: "other" },
      { port: 1 },
      { origin: { ...origin, path: "/data/b" } },
      { origin: { ...origin, kind: "dataset" as const } },
      { name: "b" },
    ];
    for (const other of others) {
      expect(await store.find({ ...target, ...other })).toBeNull();
    }
  });

  test("is listed oldest first, and the newest is the one to go on with", async () => {
    await using home = await tempFolder();
    const store = new UploadStore(home.path);
    for (const number of [2, 3, 1]) await store.save(uploadOf(number));
    expect((await store.list()).uploads).toEqual([1, 2, 3].map((number) => uploadOf(number)));
    expect(await store.find(target)).toEqual(uploadOf(3));
  });

  test("is gone when it is removed, with its lock, as often as one likes", async () => {
    await using home = await tempFolder();
    const store = new UploadStore(home.path);
    await store.save(uploadOf(1));
    const lock = await store.lock(uploadOf(1).identity);
    lock?.release();
    await store.remove(uploadOf(1).identity);
    await store.remove(uploadOf(1).identity);
    expect(await readdir(home.file("uploads"))).toEqual([]);
  });

  test.skipIf(isWindows)(
    "is nobody else's to read, in a folder that nobody else can enter (not on Windows)",
    async () => {
      await using home = await tempFolder();
      const before = process.umask(0);
      try {
        await new UploadStore(home.file("new")).save(uploadOf(1));
      } finally {
        process.umask(before);
      }
      const folder = home.file("new", "uploads");
      const [name] = await readdir(folder);
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
      expect((await stat(home.file("new", "uploads", name as string))).mode & 0o777).toBe(0o600);
    },
  );
});

describe("what older versions of the program wrote is gone on with", () => {
  const { origin: file, schema: _, metadataText, ...rest } = uploadOf(1);
  const second = { ...rest, schema: 2, path: file.path, version: "version" in file ? file.version : null };

  test.each([
    ["2", { ...second, metadataText }, metadataText],
    ["1", { ...second, schema: 1, metadata: { sample: "A1", run: 7 } }, '{"sample":"A1","run":7}'],
  ])("version %s", async (_, written, expected) => {
    await using home = await tempFolder();
    const store = new UploadStore(home.path);
    await mkdir(home.file("uploads"));
    await writeFile(home.file("uploads", `${written.identity}.json`), JSON.stringify(written));
    const found = uploadOf(1, { metadataText: expected });
    expect(await store.find(target)).toEqual(found);
    await store.save({ ...found, sent: 3 });
    expect(await store.list()).toEqual({ uploads: [{ ...found, sent: 3 }], unreadable: [] });
  });
});

test("an unfinished dataset is saved with what was listed", async () => {
  await using home = await tempFolder();
  const selection = { include: ["*.raw"], exclude: [], links: "skip", all: false } as const;
  const listing = { digest: "0".repeat(64), folderTimes: "AAAAAAAAAAA=", size: 2048 };
  const upload = uploadOf(1, { origin: { kind: "dataset", path: "/data/run", selection, listing } });
  await new UploadStore(home.path).save(upload);
  const dataset = { ...target, origin: { kind: "dataset", path: "/data/run" } as const };
  expect(await new UploadStore(home.path).find(dataset)).toEqual(upload);
});

test("where nothing was saved there is nothing, and nothing is made by looking", async () => {
  await using home = await tempFolder();
  const store = new UploadStore(home.path);
  expect(await store.list()).toEqual({ uploads: [], unreadable: [] });
  expect(await store.find(target)).toBeNull();
  expect(await readdir(home.path)).toEqual([]);
});

describe("files that cannot be read are named and left alone", () => {
  const texts: readonly (readonly [string, string])[] = [
    ["torn", JSON.stringify(uploadOf(2)).slice(0, 100)],
    ["empty", ""],
    ["no object", "[]"],
    ["of a later version", JSON.stringify({ ...uploadOf(2), schema: 4 })],
    ["without an identity", JSON.stringify({ ...uploadOf(2), identity: "../../etc/passwd" })],
    ["with a port that is none", JSON.stringify({ ...uploadOf(2), port: 0 })],
  ];
  test.each(texts)("%s", async (what, text) => {
    await using home = await tempFolder();
    const store = new UploadStore(home.path);
    await store.save(uploadOf(1));
    const foreign = home.file("uploads", "x.json");
    await writeFile(foreign, text);
    expect(await store.list()).toEqual({
      uploads: [uploadOf(1)],
      unreadable: [{ file: foreign, isNewer: what === "of a later version" }],
    });
    expect(await store.find(target)).toEqual(uploadOf(1));
    expect(await readFile(foreign, "utf8")).toBe(text);
  });

  test("other files in the folder are none of its business", async () => {
    await using home = await tempFolder();
    const store = new UploadStore(home.path);
    await store.save(uploadOf(1));
    await writeFile(home.file("uploads", "notes.txt"), "mine");
    expect(await store.list()).toEqual({ uploads: [uploadOf(1)], unreadable: [] });
    expect(await readdir(home.file("uploads"))).toContain("notes.txt");
  });
});

test("what a process that was killed while it saved left is cleared away after an hour", async () => {
  await using home = await tempFolder();
  const store = new UploadStore(home.path);
  await store.save(uploadOf(1));
  const [old, young] = [home.file("uploads", "old.json.1.tmp"), home.file("uploads", "young.json.2.tmp")];
  for (const draft of [old, young]) await writeFile(draft, "{");
  const hours = Date.now() / 1000 - 2 * 3600;
  await utimes(old, hours, hours);
  await new UploadStore(home.path).save(uploadOf(2));
  const left = await readdir(home.file("uploads"));
  expect(left.filter((name) => name.endsWith(".tmp"))).toEqual(["young.json.2.tmp"]);
});

describe("a lock", () => {
  test("is held by one at a time, and each upload has its own", async () => {
    await using home = await tempFolder();
    const [one, other] = [new UploadStore(home.path), new UploadStore(home.path)];
    const lock = await one.lock(uploadOf(1).identity);
    expect(lock).not.toBeNull();
    expect(await other.lock(uploadOf(1).identity)).toBeNull();
    const second = await other.lock(uploadOf(2).identity);
    expect(second).not.toBeNull();
    lock?.release();
    const again = await other.lock(uploadOf(1).identity);
    expect(again).not.toBeNull();
    again?.release();
    second?.release();
  });
});

describe("a home that cannot be written to", () => {
  async function refuse(home: TempFolder): Promise<DyncError> {
    const error = await new UploadStore(home.path).save(uploadOf(1)).catch((thrown: unknown) => thrown);
    return error as DyncError;
  }

  test("is a matter of configuration, with a hint", async () => {
    await using home = await tempFolder();
    await writeFile(home.file("uploads"), "a file where the folder should be");
    const error = await refuse(home);
    expect(error.code).toBe("configuration");
    expect(error.message).toContain(home.file("uploads"));
    expect(error.hint).toContain("writable");
    expect(await codeOf(new UploadStore(home.path).list())).toBe("configuration");
  });

  test.skipIf(isWindows || isRoot)(
    "for lack of permission too (not on Windows; root may write all)",
    async () => {
      await using home = await tempFolder();
      await mkdir(home.file("uploads"), { mode: 0o500 });
      expect((await refuse(home)).code).toBe("configuration");
      await chmod(home.file("uploads"), 0o700);
    },
  );
});
