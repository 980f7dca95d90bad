// Publishing a dataset is cut off after every step, as a crash would: its folder is not seen before all of it is there and
// described, and the next process completes it, or gives it up without a trace.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PartialDataset } from "../../src/storage/dataset/partial-dataset.ts";
import { datasetSteps } from "../../src/storage/dataset/publish-dataset.ts";
import type { WholeDataset } from "../../src/storage/dataset/whole-dataset.ts";
import type { PublishParts } from "../../src/storage/publish.ts";
import type { Description, Storage } from "../../src/storage/storage.ts";
import type { FileSystemSync } from "../../src/storage/syncfs/file-system-sync.ts";
import { openFileSystemSync } from "../../src/storage/syncfs/open-file-system-sync.ts";
import type { Contents, Layout } from "../../src/upload/upload.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codeOf, datasetKind, descriptionOf, idOf, publishOne } from "./contract.ts";
import { everything, homeOf, placeIn, tarBytes, treeOf } from "./dataset-world.ts";
import { openStorage } from "./open-storage.ts";
import { cutsOf, partsOf } from "./publish-parts.ts";

const tar = tarBytes(everything);
const destination = { folder: "anna", name: "run" };
const published = ["run", "run.meta.json", "run.sha256"];
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const checkBag = join(import.meta.dir, "..", "support", "check_bag.py");

let fileSystemSync: FileSystemSync | null = null;
beforeAll(async () => {
  fileSystemSync = await openFileSystemSync();
});
afterAll(async () => await fileSystemSync?.close());

for (const [layout, hasLinks] of [
  ["plain", true],
  ["bagit", true],
  ["plain", false],
] as const) {
  const steps = stepsOf(partsOf("/", hasLinks), {} as WholeDataset, descriptionOf("", "", "", tar));
  const cuts = cutsOf(steps);

  describe(`publishing, ${layout}, ${hasLinks ? "with" : "without"} hard links, cut off`, () => {
    test.each(cuts)(
      "%s shows nothing that is not whole, and is completed by the next process",
      async (_name, count) => {
        await using cut = await cutOff(count, layout, hasLinks);
        const storage = await cut.open();
        await complete(storage, cut.description);
        cut.expectPublished();
        expect(cut.partials()).toEqual([]);
        expect(await storage.isPublished(idOf(1), destination, cut.description.sha256)).toBe(true);
        await storage.close();
      },
    );

    test.each(cuts)(
      "%s and then given up leaves nothing, unless it was shown already",
      async (_name, count) => {
        await using cut = await cutOff(count, layout, hasLinks);
        const wasShown = cut.files().includes("run");
        const storage = await cut.open();
        const partial = await storage.open(idOf(1));
        expect(partial === null).toBe(wasShown);
        await (partial === null ? storage.discard(idOf(1)) : partial.discard());
        if (wasShown) cut.expectPublished();
        else expect(cut.files()).toEqual([]);
        expect(cut.partials()).toEqual([]);
        await storage.close();
      },
    );

    test.each(cuts)(
      "%s, and the name is another's by then: that one stays, ours leaves nothing",
      async (_name, count) => {
        await using cut = await cutOff(count, layout, hasLinks);
        const storage = await cut.open();
        const other = () => publishOne(storage, 2, "anna", "RUN", "other", datasetKind(layout));
        if (cut.files().length > 0) {
          // The name was claimed: it is the other one that is refused.
          expect(await codeOf(other())).toBe("name-taken");
          await storage.discard(idOf(2));
          await complete(storage, cut.description);
          cut.expectPublished();
        } else {
          await other();
          expect(await codeOf(complete(storage, cut.description))).toBe("name-taken");
          await storage.discard(idOf(1));
          expect(cut.files()).toEqual(["RUN", "RUN.meta.json", "RUN.sha256"]);
        }
        expect(cut.partials()).toEqual([]);
        await storage.close();
      },
    );
  });
}

test.each([
  ["a folder with something in it", (path: string) => mkdirSync(join(path, "within"), { recursive: true })],
  ["an empty folder", (path: string) => mkdirSync(path)],
  ["a file", (path: string) => writeFileSync(path, "theirs")],
] as const)(
  "%s that another program put there meanwhile is not replaced, and nothing of ours stays",
  async (_, make) => {
    await using cut = await cutOff(7, "plain", true);
    make(join(cut.folder, "anna", "run"));
    const storage = await cut.open();
    expect(await codeOf(complete(storage, cut.description))).toBe("name-taken");
    expect(cut.files()).toEqual(["run"]);
    expect(cut.partials()).toEqual([]);
    await storage.close();
  },
);

test("a bag has what its metadata say, and nothing of it can be forged", async () => {
  await using folder = await tempFolder(memory);
  const storage = await openStorage(folder.path);
  const partial = await storage.create(idOf(1), "bagit");
  await partial.append(tar);
  const { metadataText, ...rest } = descriptionOf(idOf(1), "anna", "run", tar, await partial.contents());
  const members = '{"sample":"S\\n-17: x","Payload-Oxum":"1.1","list":[1,{"a":2.50}],"a:b":true,"\\n":1,';
  await partial.publish(destination, {
    ...rest,
    metadataText: metadataText.replace(/^\{\s*"sample": "A1",/, members),
  });
  const info = readFileSync(folder.file("anna", "run", "bag-info.txt"), "utf8").split("\n");
  const bytes = Object.values(treeOf(everything)).reduce(
    (sum, text) => sum + Buffer.byteLength(text ?? ""),
    0,
  );
  expect(info).toEqual([
    "External-Identifier: run",
    "Bagging-Date: 2026-01-01",
    `Payload-Oxum: ${bytes}.12`,
    "Bag-Software-Agent: dync-server",
    "sample: S -17: x",
    'list: [1,{"a":2.50}]',
    "ab: true",
    "",
  ]);
  const { stdout, status } = spawnSync("python3", [checkBag, folder.file("anna", "run")], {
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([0, ""]);
  await storage.close();
});

/** What a server does about an upload that was being published. */
async function complete(storage: Storage, description: Description): Promise<void> {
  const note = storage.emptyNote;
  const left = await storage.recover(idOf(1), note, destination, description.sha256);
  if (left.type === "published") return;
  if (left.type !== "complete") throw new Error(`it is complete, not ${left.type}`);
  expect(await left.sink.contents()).toMatchObject({ files: 12 });
  try {
    await left.sink.publish(destination, description);
  } catch (error) {
    await left.sink.discard();
    throw error;
  }
}

function stepsOf(parts: PublishParts, dataset: WholeDataset, description: Description) {
  return datasetSteps(parts, idOf(1), destination, description, dataset);
}

// A data folder in which publishing was stopped after `count` steps.
async function cutOff(count: number, layout: Layout, hasLinks: boolean) {
  const temp = await tempFolder(memory);
  const folder = temp.path;
  const parts = partsOf(folder, hasLinks);
  const open = () => openStorage(folder, { hasLinks });
  const storage = await open();
  const partial = await storage.create(idOf(1), layout);
  await partial.append(tar);
  await partial.sync();
  const contents = (await partial.contents()) as Contents;
  await partial.close();
  await storage.close();
  const description = descriptionOf(idOf(1), "anna", "run", tar, contents);
  const publish = async (dataset: WholeDataset): Promise<void> => {
    for (const step of stepsOf(parts, dataset, description).slice(0, count)) await step.run();
  };
  const home = homeOf({ folder: parts.partials, fileSystemSync, publish });
  const dataset = await PartialDataset.open(placeIn(parts.partials), home);
  await dataset?.publish(destination, description);
  await dataset?.close();
  const files = () => (existsSync(join(folder, "anna")) ? readdirSync(join(folder, "anna")).sort() : []);
  const expectPublished = () => {
    expect(files()).toEqual(published);
    expectDataset(join(folder, "anna"), layout, description);
  };
  if (files().includes("run")) expectPublished();
  return {
    folder,
    description,
    files,
    expectPublished,
    open,
    partials: () => readdirSync(parts.partials),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

function expectDataset(folder: string, layout: Layout, { metadataText }: Description): void {
  const content = layout === "bagit" ? join(folder, "run", "data") : join(folder, "run");
  const entries = readdirSync(content, { recursive: true, withFileTypes: true });
  const found = entries.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(content.length + 1), entry.isDirectory() ? null : readFileSync(path, "utf8")] as const;
  });
  expect(Object.fromEntries(found)).toEqual({ ...treeOf(everything) });
  expect(readFileSync(join(folder, "run.meta.json"), "utf8")).toBe(metadataText);
  const sums = spawnSync("sha256sum", ["--strict", "--quiet", "-c", "run.sha256"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect([sums.status, sums.stdout, sums.stderr]).toEqual([0, "", ""]);
  expect(readFileSync(join(folder, "run.sha256"), "utf8").split("\n")).toHaveLength(13);
  if (layout === "bagit") expect(existsSync(join(folder, "run", "tagmanifest-sha256.txt"))).toBe(true);
}
