// Files that go elsewhere than into the folder of their user: deeper, and into folders that many share.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publishedFiles } from "../../src/storage/published.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codeOf, datasetKind, descriptionOf, fileKind, idOf, type Kind } from "./contract.ts";
import { openStorage } from "./open-storage.ts";

const deep = { folder: "lab/2026/QABCD", name: "first.raw" };

async function opened() {
  const temp = await tempFolder();
  const storage = await openStorage(temp.path);
  return {
    storage,
    folder: temp.path,
    publish: async (number: number, destination: typeof deep, { form, whole }: Kind = fileKind) => {
      const content = whole("content");
      const partial = await storage.create(idOf(number), form);
      await partial.append(content);
      const contents = await partial.contents();
      const description = descriptionOf(idOf(number), "anna", "x.raw", content, contents, destination);
      try {
        await storage.tryDestination(destination);
        await partial.publish(destination, description);
      } finally {
        await partial.close();
      }
      return description;
    },
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

test("a file is published in folders that are made for it, and found again by what lies beside it", async () => {
  await using world = await opened();
  const { sha256, metadataText } = await world.publish(1, deep);
  const folder = join(world.folder, "lab", "2026", "QABCD");
  expect(readdirSync(folder).sort()).toEqual(["first.raw", "first.raw.meta.json", "first.raw.sha256"]);
  expect(readFileSync(join(folder, "first.raw.sha256"), "utf8")).toBe(`${sha256}  first.raw\n`);
  expect(JSON.parse(metadataText)._dync.path).toBe("lab/2026/QABCD/first.raw");
  expect((await world.storage.obstacle(deep))?.published).toMatchObject({ id: idOf(1), user: "anna" });
  expect(await world.storage.obstacle({ ...deep, name: "FIRST.raw" })).not.toBeNull();
  expect(await world.storage.obstacle({ ...deep, folder: "lab/2026" })).toBeNull();
});

test("all that was published is found by a walk through the folders, and no dataset is walked through", async () => {
  await using world = await opened();
  await world.publish(1, deep);
  await world.publish(2, { folder: "anna", name: "x.raw" });
  await world.publish(3, { folder: "lab/2026", name: "run" }, datasetKind("plain"));
  // A copy that somebody made, and one within a dataset: neither lies where it was published.
  mkdirSync(join(world.folder, "copies"));
  for (const suffix of ["", ".sha256", ".meta.json"]) {
    const text = readFileSync(join(world.folder, deep.folder, deep.name + suffix));
    writeFileSync(join(world.folder, "copies", deep.name + suffix), text);
    writeFileSync(join(world.folder, "lab/2026/run", deep.name + suffix), text);
  }
  const found = await Array.fromAsync(publishedFiles(world.folder, silentLogger));
  expect(found.map(({ id, place }) => [id, place]).sort()).toEqual([
    [idOf(1), deep],
    [idOf(2), { folder: "anna", name: "x.raw" }],
    [idOf(3), { folder: "lab/2026", name: "run" }],
  ]);
});

test("nothing is put into a dataset that was published, nor below a file", async () => {
  await using world = await opened();
  await world.publish(1, { folder: "lab/2026", name: "run" }, datasetKind("plain"));
  await world.publish(2, deep);
  const before = readdirSync(join(world.folder, "lab/2026/run"));
  for (const folder of [
    "lab/2026/run",
    "lab/2026/run/sub",
    "lab/2026/QABCD/first.raw",
    "lab/2026/QABCD/first.raw/x",
  ])
    expect(
      await codeOf(world.publish(3, { folder, name: "c" }).finally(() => world.storage.discard(idOf(3)))),
    ).toBe("name-taken");
  expect(readdirSync(join(world.folder, "lab/2026/run"))).toEqual(before);
  // Nor does a folder that is there give way to a dataset.
  mkdirSync(join(world.folder, "lab/2026/other"));
  const dataset = { folder: "lab/2026", name: "other" };
  expect(await codeOf(world.publish(4, dataset, datasetKind("plain")))).toBe("name-taken");
  expect(existsSync(join(world.folder, "lab/2026/other.meta.json"))).toBe(false);
});
