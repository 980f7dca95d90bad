// A data folder that several servers share, on a local disk: what holds by the calls alone.

import { mkdirSync } from "node:fs";
import type { FilesystemStorage } from "../../src/storage/filesystem.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { datasetKind, partialContract, type StorageUnderTest, storageContract } from "./contract.ts";
import { openStorage } from "./open-storage.ts";
import { sharedContract } from "./shared-contract.ts";

async function make(): Promise<StorageUnderTest<FilesystemStorage>> {
  const folder = await tempFolder();
  let storage = await openStorage(folder.path, { isShared: true });
  return {
    storage,
    reopen: async () => {
      await storage.close();
      storage = await openStorage(folder.path, { isShared: true });
      return storage;
    },
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

for (const contract of [partialContract, storageContract]) {
  contract("a shared folder", make);
  contract("datasets in a shared folder", make, datasetKind("bagit"));
}

for (const [name, workers] of [
  ["local disk", undefined],
  ["local disk, with storage workers", { threads: 2, smallBytes: 0 }],
] as const)
  sharedContract(name, async () => {
    const temp = await tempFolder();
    const folder = temp.file("shared");
    mkdirSync(folder);
    const opened: FilesystemStorage[] = [];
    const more = workers === undefined ? {} : { workers };
    return {
      folder,
      open: async () => {
        const storage = await openStorage(folder, { isShared: true, syncEveryBytes: 1, ...more });
        opened.push(storage);
        return storage;
      },
      [Symbol.asyncDispose]: async () => {
        for (const storage of opened) await storage.close();
        await temp[Symbol.asyncDispose]();
      },
    };
  });
