// Datasets where something has an end: a disk that is full or fails, many members, names that no bag carries. And what is
// known of one after the catalogue was lost.

import { describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../src/base/error.ts";
import { recordOfPublished } from "../../src/catalogue/rebuild.ts";
import { MemberIndex } from "../../src/storage/dataset/member-index.ts";
import type { WholeDataset } from "../../src/storage/dataset/whole-dataset.ts";
import { publishedFiles } from "../../src/storage/published.ts";
import { storageError } from "../../src/storage/storage-error.ts";
import type { FileSystemSync } from "../../src/storage/syncfs/file-system-sync.ts";
import { openFileSystemSync } from "../../src/storage/syncfs/open-file-system-sync.ts";
import { heapBytes } from "../support/heap-bytes.ts";
import { hostileTars, tarOfMany } from "../support/hostile-tars.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codeOf, datasetKind, idOf, publishOne } from "./contract.ts";
import { createDataset, everything, type Listed, openDataset, streamOf, tarBytes } from "./dataset-world.ts";
import { openStorage } from "./open-storage.ts";

const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const smallDisk = ["-t", "tmpfs", "-o", "size=4m,mode=700", "dync-test"];
const canMount = process.getuid?.() === 0 && process.platform === "linux" && mountWorks();
const tar = tarBytes(everything);

function mountWorks(): boolean {
  const folder = join(tmpdir(), `dync-mount-${process.pid}`);
  mkdirSync(folder);
  const works = spawnSync("mount", [...smallDisk, folder]).status === 0;
  if (works) execFileSync("umount", [folder]);
  rmdirSync(folder);
  return works;
}

describe("a dataset", () => {
  test.skipIf(!canMount)(
    "that fills the disk is refused, and goes on after room was made (skipped where nothing can be mounted)",
    async () => {
      await using folder = await tempFolder();
      execFileSync("mount", [...smallDisk, folder.path]);
      using _mounted = { [Symbol.dispose]: () => execFileSync("umount", [folder.path]) };
      const other = folder.file("other");
      await Bun.write(other, new Uint8Array(3_000_000));
      const options = { folder: folder.file("partial"), fileSystemSync: null };
      const members: Listed = Array.from({ length: 60 }, (_, index) => [`run/${index}`, "x".repeat(40_000)]);
      const bytes = tarBytes(members);
      const dataset = await createDataset(options);
      await dataset.append(bytes.subarray(0, 500_000));
      await dataset.sync();
      expect(await codeOf(dataset.append(bytes.subarray(500_000)))).toBe("no-space");
      await dataset.close();
      rmSync(other);
      const again = await openDataset(options);
      // As much as was written down of what came last.
      expect(again.length).toBeGreaterThanOrEqual(500_000);
      await again.append(bytes.subarray(again.length));
      expect(Buffer.compare(await streamOf(again), bytes)).toBe(0);
      expect((await again.contents()).files).toBe(60);
      await again.close();
    },
  );

  test.skipIf(!canMount)(
    "whose list of members fills the disk is refused for that (skipped where nothing can be mounted)",
    async () => {
      await using folder = await tempFolder();
      execFileSync("mount", [...smallDisk, folder.path]);
      using _mounted = { [Symbol.dispose]: () => execFileSync("umount", [folder.path]) };
      const index = new MemberIndex(folder.file("index"));
      const claimAll = async (): Promise<void> => {
        for (let number = 0; number < 100_000; number++) index.claim(`${number}`.padStart(200, "x"), number);
      };
      const error = await claimAll().catch((thrown: unknown) => storageError("written", thrown));
      expect(error).toMatchObject({ code: "no-space" });
      index.close();
    },
  );

  test("whose sync fails is cut back to what was synced before, and goes on from there", async () => {
    await using folder = await tempFolder(memory);
    const failing: FileSystemSync = {
      fails: false,
      async sync() {
        if (this.fails) throw Object.assign(new Error("EIO: syncfs"), { code: "EIO" });
      },
      async close() {},
    } as FileSystemSync & { fails: boolean };
    const dataset = await createDataset({ folder: folder.path, fileSystemSync: failing });
    await dataset.append(tar.subarray(0, 3000));
    await dataset.sync();
    await dataset.append(tar.subarray(3000, 9000));
    Object.assign(failing, { fails: true });
    expect(await codeOf(dataset.sync())).toBe("internal");
    expect([dataset.length, dataset.synced]).toEqual([9000, 3000]);
    Object.assign(failing, { fails: false });
    await dataset.truncate(3000);
    expect([dataset.length, dataset.synced]).toEqual([3000, 3000]);
    await dataset.append(tar.subarray(3000));
    expect(Buffer.compare(await streamOf(dataset), tar)).toBe(0);
    await dataset.close();
  });

  test("that could not be described is durable all the same; not where it was the sync that failed", async () => {
    await using folder = await tempFolder(memory);
    const full = Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    for (const [what, fails, synced] of [
      ["the description", false, tar.length],
      ["the first sync", true, 0],
    ] as const) {
      let syncs = 0;
      const fileSystemSync: FileSystemSync = {
        async sync() {
          // As the system does: it tells once.
          if (++syncs === 1 && fails) throw full;
        },
        async close() {},
      };
      const publish = async (dataset: WholeDataset): Promise<void> => {
        if (fails) await dataset.sync();
        throw full;
      };
      const dataset = await createDataset({ folder: folder.file(what), fileSystemSync, publish });
      await dataset.append(tar);
      const published = dataset.publish({ folder: "anna", name: "run" }, { sha256: "", metadataText: "{}" });
      expect([what, await codeOf(published), dataset.synced, syncs]).toEqual([what, "no-space", synced, 1]);
      await dataset.close();
    }
  });

  test("takes no more memory with many members", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync: null, membersMax: 30_000 };
    const dataset = await createDataset(options);
    let [before, seen] = [0, 0];
    const appended = (async () => {
      for (const piece of tarOfMany(40_000)) {
        await dataset.append(piece);
        if (++seen === 5) before = heapBytes();
      }
    })();
    expect(await codeOf(appended)).toBe("too-large");
    expect(seen).toBe(30);
    expect(heapBytes() - before).toBeLessThan(10_000_000);
    await dataset.close();
  });

  test("may not have a name that no bag carries, where it becomes one", async () => {
    for (const path of ["100%.raw", "a/50% off/b", "a%0Ab"]) {
      await using folder = await tempFolder(memory);
      const plain = await createDataset({ folder: folder.file("plain"), fileSystemSync: null });
      await plain.append(tarBytes([[path, "x"]]));
      await plain.close();
      const bag = await createDataset({ folder: folder.file("bag"), fileSystemSync: null }, "bagit");
      expect(await codeOf(bag.append(tarBytes([[path, "x"]])))).toBe("content-rejected");
      await bag.close();
    }
  });

  test("names what it refuses without a character that steers a terminal", async () => {
    await using folder = await tempFolder(memory);
    let named = 0;
    for (const { what, bytes } of hostileTars) {
      const dataset = await createDataset({ folder: folder.file(String(named++)), fileSystemSync: null });
      const said = await dataset.append(bytes).then(() => "", messageOf);
      expect({ what, said }).toEqual({ what, said: expect.not.stringMatching(/[\p{Cc}\p{Cf}]/u) });
      await dataset.close();
    }
    const turned = await createDataset({ folder: folder.file("turned"), fileSystemSync: null });
    expect(await turned.append(tarBytes([["run/\u202etxt.exe", "x"]])).catch(messageOf)).toBe(
      'The path "run/\\u202etxt.exe" has "\\u202etxt.exe" in it, which contains the control character U+202E',
    );
    await turned.close();
  });
});

test("published datasets are known again when the catalogue was lost, and what only looks like one is not", async () => {
  await using folder = await tempFolder(memory);
  const storage = await openStorage(folder.path);
  await publishOne(storage, 1, "anna", "plain run", "text", datasetKind("plain"));
  await publishOne(storage, 2, "anna", "bag", "text", datasetKind("bagit"));
  await publishOne(storage, 3, "anna", "a.raw", "text");
  // Its folder is gone, or a file is in its place: the description alone says nothing.
  await publishOne(storage, 4, "bert", "gone", "text", datasetKind("plain"));
  rmSync(folder.file("bert", "gone"), { recursive: true });
  await publishOne(storage, 5, "bert", "file", "text", datasetKind("plain"));
  rmSync(folder.file("bert", "file"), { recursive: true });
  await Bun.write(folder.file("bert", "file"), datasetKind("plain").whole("text"));
  await storage.close();
  const found = (await Array.fromAsync(publishedFiles(folder.path, silentLogger))).map(recordOfPublished);
  expect(found.map(({ id, name, form, state }) => [id, name, form, state]).sort()).toEqual([
    [idOf(1), "plain run", "plain", "finished"],
    [idOf(2), "bag", "bagit", "finished"],
    [idOf(3), "a.raw", "file", "finished"],
  ]);
});

describe.skipIf(process.platform !== "linux")("the sync of a file system", () => {
  test("syncs, and says by its code what is wrong", async () => {
    const sync = await openFileSystemSync();
    if (sync === null) throw new Error("Linux has one");
    await using folder = await tempFolder();
    const file = await open(folder.path, "r");
    await Promise.all([sync.sync(file.fd), sync.sync(file.fd)]);
    await file.close();
    const failed = await sync.sync(9999).then(
      () => null,
      (error: { code: string }) => error.code,
    );
    expect(failed).toBe("EBADF");
    await sync.close();
  });
});
