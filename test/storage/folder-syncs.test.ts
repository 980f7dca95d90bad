// One sync of a folder for all that wait: nobody is answered by one that began before it asked.

import { expect, test } from "bun:test";
import { FolderSyncs } from "../../src/storage/folder-syncs.ts";
import { tempFolder } from "../support/temp-folder.ts";

test("who asks while one runs waits for the next, all of them for the same", async () => {
  await using folder = await tempFolder();
  const syncs = new FolderSyncs();
  const first = syncs.sync(folder.path);
  const [second, third] = [syncs.sync(folder.path), syncs.sync(folder.path)];
  expect(second).not.toBe(first);
  expect(third).toBe(second);
  let isFirstOver = false;
  first.then(() => {
    isFirstOver = true;
  });
  await second;
  expect(isFirstOver).toBe(true);
  expect(syncs.sync(folder.path)).not.toBe(second);
});

test("folders do not wait for each other, and a failure is told to those who asked for it alone", async () => {
  await using folder = await tempFolder();
  const syncs = new FolderSyncs();
  const missing = folder.file("missing");
  const all = await Promise.allSettled([syncs.sync(missing), syncs.sync(missing), syncs.sync(folder.path)]);
  expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});
