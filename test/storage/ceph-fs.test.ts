// The storage on a file system that several machines share, CephFS by ceph-fuse: all that holds on a local disk, and that what was said to be
// durable outlives the machine that wrote it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { basename, join } from "node:path";
import type { FilesystemStorage } from "../../src/storage/filesystem.ts";
import type { SinkEvents, StoredNote } from "../../src/storage/storage.ts";
import { type CephFs, type CephMount, cephFsMissing, startCephFs } from "../support/ceph-fs.ts";
import {
  datasetKind,
  idOf,
  partialContract,
  publishBySink,
  type StorageUnderTest,
  storageContract,
} from "./contract.ts";
import { openStorage } from "./open-storage.ts";
import { sharedContract } from "./shared-contract.ts";

describe.skipIf(cephFsMissing !== null)(`CephFS (${cephFsMissing ?? "ceph-fuse"})`, () => {
  let fs: CephFs;
  let mount: CephMount;
  let second: CephMount | undefined;

  beforeAll(async () => {
    fs = await startCephFs();
    mount = await fs.mount();
  });
  afterAll(async () => {
    await fs?.[Symbol.asyncDispose]();
  });

  async function make(isShared = false): Promise<StorageUnderTest<FilesystemStorage>> {
    const folder = await mkdtemp(join(mount.path, "data-"));
    let storage = await openStorage(folder, { isShared });
    return {
      storage,
      reopen: async () => {
        await storage.close();
        storage = await openStorage(folder, { isShared });
        return storage;
      },
      [Symbol.asyncDispose]: () => storage.close(),
    };
  }

  for (const contract of [partialContract, storageContract]) {
    contract("CephFS", () => make());
    contract("datasets on CephFS", () => make(), datasetKind("plain"));
    contract("a shared folder on CephFS", () => make(true));
  }

  sharedContract("two machines", async () => {
    second ??= await fs.mount();
    const machines = [mount, second];
    const name = basename(await mkdtemp(join(mount.path, "shared-")));
    const opened: FilesystemStorage[] = [];
    return {
      folder: join(mount.path, name),
      open: async (machine) => {
        const { path } = machines[machine % 2] as CephMount;
        const storage = await openStorage(join(path, name), { isShared: true, syncEveryBytes: 1 });
        opened.push(storage);
        return storage;
      },
      [Symbol.asyncDispose]: async () => {
        for (const storage of opened) await storage.close();
      },
    };
  });

  test("a second server does not start on the same folder, whichever machine it is on", async () => {
    const other = await fs.mount();
    const folder = await mkdtemp(join(mount.path, "alone-"));
    const storage = await openStorage(folder);
    const there = join(other.path, folder.slice(mount.path.length));
    expect(openStorage(there)).rejects.toMatchObject({ code: "unavailable" });
    await storage.close();
    await (await openStorage(there)).close();
  });

  test("nobody says how much is free, which is no full disk", async () => {
    await using under = await make();
    expect(await under.storage.freeBytes()).toBeNull();
  });

  test("what was stored, and what was said to be durable, is there when its machine is not any more", async () => {
    const machine = await fs.mount();
    const folder = await mkdtemp(join(machine.path, "lost-"));
    const storage = await openStorage(folder, { syncEveryBytes: 1 });
    await publishBySink(storage, 1, "anna", "run.raw", "a".repeat(300_000));
    await publishBySink(storage, 2, "anna", "run", "b".repeat(300_000), datasetKind("plain"));
    const noted = Promise.withResolvers<StoredNote>();
    const events: SinkEvents = { onStored() {}, onNote: noted.resolve, onFailed() {}, onRefused() {} };
    const sink = await storage.begin(idOf(3), "file", events);
    const bytes = randomBytes(200_000);
    sink.write({ offset: 0, data: bytes, release() {} });
    const note = await noted.promise;
    await machine.crash();
    await storage.close();
    const there = join(mount.path, folder.slice(machine.path.length));
    expect(readdirSync(join(there, "anna")).sort()).toEqual(
      ["run", "run.raw"].flatMap((name) => [name, `${name}.meta.json`, `${name}.sha256`]).sort(),
    );
    expect(readFileSync(join(there, "anna/run.raw"), "utf8")).toBe("a".repeat(300_000));
    expect(readFileSync(join(there, "anna/run/run/text"), "utf8")).toBe("b".repeat(300_000));
    const next = await openStorage(there);
    const left = await next.resume(idOf(3), "file", note, events);
    expect(left?.length).toBe(bytes.length);
    await left?.prepare();
    await left?.discard();
    await next.close();
  });
});
