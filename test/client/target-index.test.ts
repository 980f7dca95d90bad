// Finds the files that are about a target, and looks again only where something may have changed.

import { expect, test } from "bun:test";
import { mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { TargetIndex } from "../../src/client/target-index.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

function indexOf(home: TempFolder, files: Map<string, string | null>) {
  const asked: string[] = [];
  const index = new TargetIndex({
    folder: home.path,
    list: async () => {
      asked.push("list");
      return [...files.keys()];
    },
    digestOf: async (name) => {
      asked.push(name);
      return files.get(name) ?? null;
    },
  });
  return { index, take: () => asked.splice(0) };
}

/** The folder last changed long ago. */
async function settle(home: TempFolder): Promise<void> {
  await utimes(home.path, 1_000_000, 1_000_000);
}

test("each file is read once, and the folder is listed once while nothing changes in it", async () => {
  await using home = await tempFolder();
  const files = new Map([
    ["a.json", "t1"],
    ["b.json", "t2"],
    ["c.json", "t1"],
    ["torn.json", null],
  ]);
  const { index, take } = indexOf(home, files);
  await settle(home);
  expect(await index.filesFor("t1")).toEqual(["a.json", "c.json"]);
  expect(take()).toEqual(["list", "a.json", "b.json", "c.json", "torn.json"]);
  for (let asked = 0; asked < 1000; asked++) expect(await index.filesFor("t2")).toEqual(["b.json"]);
  expect(await index.filesFor("t3")).toEqual([]);
  expect(take()).toEqual([]);
});

test("a folder that changed is listed again, and only what is new is read", async () => {
  await using home = await tempFolder();
  const files = new Map<string, string | null>([["a.json", "t1"]]);
  const { index, take } = indexOf(home, files);
  await settle(home);
  await index.filesFor("t1");
  take();
  files.set("b.json", "t1");
  await writeFile(home.file("b.json"), "");
  expect(await index.filesFor("t1")).toEqual(["a.json", "b.json"]);
  expect(take()).toEqual(["list", "b.json"]);
  files.delete("a.json");
  await rm(home.file("b.json"));
  expect(await index.filesFor("t1")).toEqual(["b.json"]);
});

test("a change within a tick of the file system's clock is seen: what changed just now is not believed", async () => {
  await using home = await tempFolder();
  const files = new Map<string, string | null>();
  const { index } = indexOf(home, files);
  await writeFile(home.file("x"), "");
  expect(await index.filesFor("t1")).toEqual([]);
  files.set("a.json", "t1");
  expect(await index.filesFor("t1")).toEqual(["a.json"]);
});

test("where there is no folder there is nothing, until there is one", async () => {
  await using home = await tempFolder();
  const files = new Map<string, string | null>();
  const { index, take } = indexOf(home, files);
  await rm(home.path, { recursive: true });
  expect(await index.filesFor("t1")).toEqual([]);
  expect(take()).toEqual([]);
  files.set("a.json", "t1");
  await mkdir(home.path);
  expect(await index.filesFor("t1")).toEqual(["a.json"]);
});
