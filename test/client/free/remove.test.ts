// What was proved is deleted if it is still that, looked at file by file; nothing else is.

import { describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { versionOf } from "../../../src/client/file-version.ts";
import { removeDataset, removeFile } from "../../../src/client/free/remove.ts";
import { baseOf } from "../../../src/client/free/way.ts";
import { listFolder } from "../../../src/client/listing/listing.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const selection = { include: [], exclude: [], links: "skip", all: false } as const;
const never = new AbortController().signal;

describe("a file", () => {
  test.each<[string, ((path: string) => void) | null]>([
    ["as it was proved goes", null],
    ["that was written to stays", (path) => writeFileSync(path, "aaaa")],
    [
      "that was written to, and has its old time, stays",
      (path) => {
        const { mtime, atime } = lstatSync(path);
        writeFileSync(path, "b");
        utimesSync(path, atime, mtime);
      },
    ],
    [
      "that another one was moved over stays",
      (path) => {
        writeFileSync(`${path}.new`, "a");
        renameSync(`${path}.new`, path);
      },
    ],
    [
      "that became a link stays",
      (path) => {
        renameSync(path, `${path}.old`);
        symlinkSync(`${path}.old`, path);
      },
    ],
  ])("%s", async (_, change) => {
    await using folder = await tempFolder();
    const path = folder.file("a.raw");
    writeFileSync(path, "a");
    const proved = versionOf(lstatSync(path, { bigint: true }));
    change?.(path);
    const { files, bytes, kept } = await removeFile(path, proved, await baseOf(folder.path));
    expect({ files, bytes, isKept: kept !== null }).toEqual(
      change === null ? { files: 1, bytes: 1, isKept: false } : { files: 0, bytes: 0, isKept: true },
    );
    expect(existsSync(path)).toBe(change !== null);
  });
});

describe("a dataset", () => {
  async function made(folder: string) {
    mkdirSync(join(folder, "run", "sub"), { recursive: true });
    for (const path of ["a.raw", "sub/b.raw", "z.raw"]) writeFileSync(join(folder, "run", path), "x");
    return await listFolder({ folder: join(folder, "run"), selection, known: null }, never);
  }

  test("of which one file is another by then stays as a whole", async () => {
    await using folder = await tempFolder();
    const listing = await made(folder.path);
    writeFileSync(folder.file("run", "z.raw"), "y!");
    const removal = await removeDataset(listing, await baseOf(folder.path));
    expect(removal).toMatchObject({ files: 0, bytes: 0, kept: { reason: "changed" } });
    expect(readdirSync(folder.file("run"), { recursive: true }).length).toBe(4);
  });

  test("goes but for what came since, with the folders that are empty", async () => {
    await using folder = await tempFolder();
    const listing = await made(folder.path);
    writeFileSync(folder.file("run", "late.raw"), "late");
    const removal = await removeDataset(listing, await baseOf(folder.path));
    expect(removal).toMatchObject({ files: 3, bytes: 3, kept: null, left: { count: 1 } });
    expect(readdirSync(folder.file("run"), { recursive: true })).toEqual(["late.raw"]);
  });

  test("that is the very folder that was named leaves it, empty", async () => {
    await using folder = await tempFolder();
    const listing = await made(folder.path);
    expect(await removeDataset(listing, await baseOf(folder.file("run")))).toMatchObject({ kept: null });
    expect(readdirSync(folder.file("run"))).toEqual([]);
  });

  test("in which a folder became a link to another one loses nothing there", async () => {
    await using folder = await tempFolder();
    const listing = await made(folder.path);
    renameSync(folder.file("run", "sub"), folder.file("sub"));
    symlinkSync(folder.file("sub"), folder.file("run", "sub"));
    const removal = await removeDataset(listing, await baseOf(folder.path));
    expect(removal).toMatchObject({ files: 0, kept: { reason: "link" } });
    expect(existsSync(folder.file("sub", "b.raw"))).toBe(true);
  });
});
