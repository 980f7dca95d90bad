// Files that go elsewhere than into the folder of their user: deeper, and into folders that many share.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publishedFiles } from "../../src/storage/published.ts";
import type { Destination } from "../../src/upload/destination.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codeOf, datasetKind, descriptionOf, fileKind, idOf, type Kind } from "./contract.ts";
import { tarBytes } from "./dataset-world.ts";
import { openStorage } from "./open-storage.ts";

const deep = { folder: "lab/2026/QABCD", name: "first.raw" };

async function opened(hasLinks = true) {
  const temp = await tempFolder();
  const storage = await openStorage(temp.path, { hasLinks });
  return {
    storage,
    folder: temp.path,
    publish: async (number: number, destination: Destination, { form, whole }: Kind = fileKind) => {
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
    [idOf(2), null],
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

const isUnix = process.platform !== "win32";
// Only the administrator may give files to a group that it does not belong to.
const group = process.geteuid?.() === 0 ? 54321 : (process.getegid?.() ?? 0);

describe.skipIf(!isUnix)("what a rule wants of its files", () => {
  const place: Destination = {
    folder: "lab/new",
    name: "a.raw",
    manner: { mode: 0o640, group, marker: true },
  };
  const look = (...path: readonly string[]) => {
    const { mode, gid } = statSync(join(...path));
    return [(mode & 0o7777).toString(8), gid];
  };

  test.each([true, false])(
    "is so of all that lies beside them, and of the folders (links: %p)",
    async (hasLinks) => {
      await using world = await opened(hasLinks);
      await world.publish(1, place);
      const folder = join(world.folder, "lab", "new");
      expect(look(folder)).toEqual(["750", group]);
      expect(look(world.folder, "lab")).toEqual(["750", group]);
      const names = [".MARKER_is_finished_a.raw", "a.raw", "a.raw.meta.json", "a.raw.sha256"];
      expect(readdirSync(folder).sort()).toEqual(names);
      for (const name of names) expect(look(folder, name)).toEqual(["640", group]);
      expect(statSync(join(folder, ".MARKER_is_finished_a.raw")).size).toBe(0);
    },
  );

  test("is so of every file of a dataset; what may be executed still may", async () => {
    await using world = await opened();
    // The second of them may be executed.
    const whole = () =>
      tarBytes([
        ["deep", null],
        ["run.sh", "x"],
        ["deep/fid", "y"],
      ]);
    await world.publish(1, { ...place, name: "run" }, { form: "bagit", whole });
    const folder = join(world.folder, "lab", "new");
    expect(look(folder, "run.sha256")).toEqual(["640", group]);
    expect(look(folder, "run", "data", "run.sh")).toEqual(["750", group]);
    expect(look(folder, "run", "data", "deep")).toEqual(["750", group]);
    expect(look(folder, "run", "data", "deep", "fid")).toEqual(["640", group]);
    expect(look(folder, "run", "bagit.txt")).toEqual(["640", group]);
    expect(existsSync(join(folder, ".MARKER_is_finished_run"))).toBe(true);
  });

  test("comes to its end after a crash before the marker, which is made once", async () => {
    await using world = await opened();
    const { sha256 } = await world.publish(1, place);
    const marker = join(world.folder, "lab", "new", ".MARKER_is_finished_a.raw");
    rmSync(marker);
    const note = { durable: 7, mark: null };
    for (let count = 0; count < 2; count++) {
      expect(await world.storage.recover(idOf(1), note, place, sha256)).toEqual({ type: "published" });
      expect(existsSync(marker)).toBe(true);
    }
  });

  test.skipIf(process.geteuid?.() === 0)(
    "is found out before the first byte where the server may not do it",
    async () => {
      await using world = await opened();
      const foreign = { ...place, manner: { group: 1 } };
      expect(await codeOf(world.storage.tryDestination(foreign))).toBe("internal");
    },
  );
});

describe.each([true, false])("other metadata (links: %p)", (hasLinks) => {
  const amendedText = (description: { readonly metadataText: string }, sample: string) =>
    description.metadataText.replace('"A1"', `"${sample}"`);

  test("take the place of those before, which stay beside them, however often", async () => {
    await using world = await opened(hasLinks);
    const description = await world.publish(1, deep);
    const folder = join(world.folder, deep.folder);
    const text = (version: string) => readFileSync(join(folder, `first.raw.meta.json${version}`), "utf8");
    writeFileSync(join(folder, "first.raw.meta.json.2"), "of somebody else");
    expect(await world.storage.amend(idOf(1), deep, amendedText(description, "B2"))).toBe(
      "first.raw.meta.json.1",
    );
    expect(await world.storage.amend(idOf(1), deep, amendedText(description, "C3"))).toBe(
      "first.raw.meta.json.3",
    );
    expect([text(".1"), text(".2"), text(".3"), text("")]).toEqual([
      description.metadataText,
      "of somebody else",
      amendedText(description, "B2"),
      amendedText(description, "C3"),
    ]);
    expect((await world.storage.obstacle(deep))?.published?.metadataText).toContain("C3");
    // The names of the versions are taken.
    expect(await world.storage.obstacle({ ...deep, name: "first.raw.meta.json.1" })).not.toBeNull();
    expect(readdirSync(join(world.folder, ".dync", "partial"))).toEqual([]);
  });

  test("are refused where another upload lies, or nothing", async () => {
    await using world = await opened(hasLinks);
    const description = await world.publish(1, deep);
    expect(await codeOf(world.storage.amend(idOf(2), deep, amendedText(description, "B2")))).toBe(
      "unknown-upload",
    );
    const elsewhere = { ...deep, name: "other.raw" };
    expect(await codeOf(world.storage.amend(idOf(1), elsewhere, "{}"))).toBe("unknown-upload");
    expect(readFileSync(join(world.folder, deep.folder, "first.raw.meta.json"), "utf8")).toBe(
      description.metadataText,
    );
  });
});
