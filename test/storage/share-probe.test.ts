// What a file system lacks that servers are to share is said before any of them does something there.

import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { link, lstat, rename } from "node:fs/promises";
import { type ShareCalls, trySharing } from "../../src/storage/share-probe.ts";
import { tempFolder } from "../support/temp-folder.ts";

const refusing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));
const working: ShareCalls = {
  link,
  move: rename,
  isThere: async (path) => (await lstat(path).catch(() => null)) !== null,
  sync: async () => {},
  syncFolder: async () => {},
};

test("one that does all of it is taken, by its own calls as well, and nothing is left", async () => {
  await using folder = await tempFolder();
  await trySharing("/mnt/lab", folder.path, "1", working);
  await trySharing("/mnt/lab", folder.path, "1");
  expect(readdirSync(folder.path)).toEqual([]);
});

test.each<[string, Partial<ShareCalls>]>([
  ["does not make a file durable (EINVAL)", { sync: refusing("EINVAL") }],
  ["does not make a folder durable (ENOTSUP)", { syncFolder: refusing("ENOTSUP") }],
  ["has no hard links (EPERM)", { link: refusing("EPERM") }],
  ["gives a name that is taken to another file", { link: (from, to) => link(from, to).catch(() => {}) }],
  ["does not move a folder in which a file is open (EBUSY)", { move: refusing("EBUSY") }],
  ["shows the files of a folder that was moved where they were", { isThere: async () => true }],
  ["moves a folder twice", { move: (from, to) => rename(from, to).catch(() => {}) }],
])("one that %s is refused in one line, and nothing is left", async (why, lacking) => {
  await using folder = await tempFolder();
  mkdirSync(folder.file("partial"));
  const calls = { ...working, ...lacking };
  await expect(trySharing("/mnt/lab", folder.file("partial"), "1", calls)).rejects.toMatchObject({
    code: "configuration",
    message: `The file system of /mnt/lab ${why}: several servers cannot share it`,
  });
  await trySharing("/mnt/lab", folder.file("partial"), "2", working);
  expect(readdirSync(folder.file("partial"))).toEqual([]);
});
