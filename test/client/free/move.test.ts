// What is moved is whole in its new place before the old one goes, and nothing there is overwritten.

import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { versionOf } from "../../../src/client/file-version.ts";
import { moving } from "../../../src/client/free/move.ts";
import { removeDataset, removeFile } from "../../../src/client/free/remove.ts";
import { baseOf } from "../../../src/client/free/way.ts";
import { listFolder } from "../../../src/client/listing/listing.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const selection = { include: [], exclude: [], links: "skip", all: false } as const;
const never = new AbortController().signal;

describe.each([
  ["on one volume", true],
  ["to another volume", false],
])("moved %s", (_, canLink) => {
  async function moved(prepare: (from: string, to: string) => void = () => {}, name = "a.raw") {
    const folder = await tempFolder();
    const [from, to] = [folder.file("day", "in", name), folder.file("archive", "in", name)];
    mkdirSync(folder.file("day", "in"), { recursive: true });
    writeFileSync(from, "content");
    prepare(from, to);
    const base = await baseOf(folder.file("day"));
    const proved = versionOf(lstatSync(from, { bigint: true }));
    const disposal = moving(base, folder.file("archive"), canLink);
    return { folder, from, to, base, proved, disposal };
  }

  test("a file keeps its path, its content and its time", async () => {
    const { folder, from, to, base, proved, disposal } = await moved((from) => chmodSync(from, 0o444));
    await using _ = folder;
    const { mtimeMs } = lstatSync(from);
    expect(await removeFile(from, proved, base, disposal)).toMatchObject({ files: 1, bytes: 7, kept: null });
    expect(existsSync(from)).toBe(false);
    expect(readFileSync(to, "utf8")).toBe("content");
    expect(Math.abs(lstatSync(to).mtimeMs - mtimeMs)).toBeLessThan(1);
    expect(readdirSync(join(folder.path, "archive", "in"))).toEqual(["a.raw"]);
  });

  test("a file goes whose name is as long as names can be", async () => {
    const name = "n".repeat(255);
    const { folder, from, to, base, proved, disposal } = await moved(() => {}, name);
    await using _ = folder;
    expect(await removeFile(from, proved, base, disposal)).toMatchObject({ files: 1, kept: null });
    expect([existsSync(from), readFileSync(to, "utf8")]).toEqual([false, "content"]);
    expect(readdirSync(join(folder.path, "archive", "in"))).toEqual([name]);
  });

  test("a file stays where something else has its place there", async () => {
    const { folder, from, to, base, proved, disposal } = await moved((_from, to) => {
      mkdirSync(join(to, ".."), { recursive: true });
      writeFileSync(to, "another");
    });
    await using _ = folder;
    const { files, kept } = await removeFile(from, proved, base, disposal);
    expect({ files, why: kept?.why }).toEqual({
      files: 0,
      why: `It cannot be moved: "${to}" is there already, and is something else`,
    });
    expect([readFileSync(from, "utf8"), readFileSync(to, "utf8")]).toEqual(["content", "another"]);
  });

  test.each([
    ["the copy that an earlier one left", (_from: string, to: string) => writeFileSync(to, "content")],
    ["the second name that an earlier one left", (from: string, to: string) => linkSync(from, to)],
  ])("a file goes where %s is there", async (_what, left) => {
    const { folder, from, to, base, proved, disposal } = await moved((from, to) => {
      mkdirSync(join(to, ".."), { recursive: true });
      left(from, to);
    });
    await using _ = folder;
    expect(await removeFile(from, proved, base, disposal)).toMatchObject({ files: 1, kept: null });
    expect([existsSync(from), readFileSync(to, "utf8")]).toEqual([false, "content"]);
  });

  test("a dataset goes with all its folders", async () => {
    const { folder, base, disposal } = await moved();
    await using _ = folder;
    mkdirSync(folder.file("day", "in", "empty"));
    const listing = await listFolder({ folder: folder.file("day", "in"), selection, known: null }, never);
    expect(await removeDataset(listing, base, disposal)).toMatchObject({ files: 1, kept: null });
    expect(readdirSync(folder.file("day"))).toEqual([]);
    expect(readdirSync(folder.file("archive"), { recursive: true }).sort()).toEqual([
      "in",
      "in/a.raw",
      "in/empty",
    ]);
  });
});

test("a file that is written to while it is copied stays, and no copy of it is left", async () => {
  await using folder = await tempFolder();
  const from = folder.file("day", "a.raw");
  mkdirSync(folder.file("day"));
  writeFileSync(from, "content");
  const base = await baseOf(folder.file("day"));
  const { file } = moving(base, folder.file("archive"), false);
  let looks = 0;
  const isStill = async (): Promise<boolean> => {
    looks += 1;
    appendFileSync(from, "!");
    return false;
  };
  await expect(file(from, isStill)).rejects.toMatchObject({ code: "source-changed" });
  expect(looks).toBe(1);
  expect(readFileSync(from, "utf8")).toBe("content!");
  expect(readdirSync(folder.file("archive"))).toEqual([]);
});
