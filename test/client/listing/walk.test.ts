// The walk through a folder: everything that is there, in the order of bytes, with what is left out named.

import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import fc from "fast-check";
import type { Selection } from "../../../src/client/listing/selection.ts";
import { type Found, walk } from "../../../src/client/listing/walk.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { anyTree, plant, type Tree } from "../../support/trees.ts";

const isWindows = process.platform === "win32";
const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();

async function found(folder: string, selection: Partial<Selection> = {}): Promise<readonly Found[]> {
  const all: Found[] = [];
  const whole = { include: [], exclude: [], links: "skip", all: false, ...selection } as const;
  for await (const piece of walk(folder, whole, signal)) all.push(...piece);
  return all;
}

/** Paths of what is taken, those of folders with a slash at the end. */
async function taken(folder: string, selection: Partial<Selection> = {}): Promise<readonly string[]> {
  return (await found(folder, selection))
    .filter(({ type }) => type === "file" || type === "folder")
    .map(({ type, path }) => (type === "folder" ? `${path}/` : path));
}

async function planted(tree: Tree) {
  const folder = await tempFolder();
  plant(folder.path, tree);
  return folder;
}

describe("the order is that of the bytes of names", () => {
  test("what is in a folder follows it directly, before names that go on where its own ends", async () => {
    await using folder = await planted({
      a: { b: "", "b-": { c: "" } },
      "a-": { x: "" },
      "a.raw": "",
      a0: "",
      A: "",
    });
    expect(await taken(folder.path)).toEqual([
      "A",
      "a/",
      "a/b",
      "a/b-/",
      "a/b-/c",
      "a-/",
      "a-/x",
      "a.raw",
      "a0",
    ]);
  });

  test.skipIf(isWindows)("any tree is found whole, as find and sort have it (not on Windows)", async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, async (tree) => {
        await using folder = await planted(tree);
        // For the order in depth a slash comes before all else.
        const command = "find . -mindepth 1 -printf '%P\\n' | tr / '\\001' | LC_ALL=C sort | tr '\\001' /";
        const { stdout } = spawnSync("sh", ["-c", command], { cwd: folder.path });
        const paths = (await found(folder.path, { all: true })).map(({ path }) => path);
        expect(paths).toEqual(stdout.toString().split("\n").slice(0, -1));
      }),
      { numRuns: 60 },
    );
  });

  test("more names than are looked at in one go, in several folders", async () => {
    const names = Array.from({ length: 700 }, (_, at) => `f${String(at).padStart(3, "0")}`);
    const many = Object.fromEntries(names.map((name) => [name, ""]));
    await using folder = await planted({ one: many, two: { three: many } });
    expect(await taken(folder.path)).toEqual([
      "one/",
      ...names.map((name) => `one/${name}`),
      "two/",
      "two/three/",
      ...names.map((name) => `two/three/${name}`),
    ]);
  });
});

describe("a selection", () => {
  const tree: Tree = {
    "a.raw": "",
    "a.tmp": "",
    raw: { "b.raw": "", "b.txt": "", deep: { "c.raw": "", none: {} } },
    tmp: { "d.raw": "" },
    empty: {},
  };

  test.each<[string, Partial<Selection>, readonly string[]]>([
    [
      "without patterns takes all",
      {},
      [
        "a.raw",
        "a.tmp",
        "empty/",
        "raw/",
        "raw/b.raw",
        "raw/b.txt",
        "raw/deep/",
        "raw/deep/c.raw",
        "raw/deep/none/",
        "tmp/",
        "tmp/d.raw",
      ],
    ],
    [
      "leaves out what is excluded, and what is in it",
      { exclude: ["*.t*", "raw/deep", "tmp/"] },
      ["a.raw", "empty/", "raw/", "raw/b.raw"],
    ],
    [
      "takes what is included, with the folders that it is in, and no others",
      { include: ["*.raw"] },
      ["a.raw", "raw/", "raw/b.raw", "raw/deep/", "raw/deep/c.raw", "tmp/", "tmp/d.raw"],
    ],
    [
      "takes all of a folder that is included",
      { include: ["deep/", "empty"] },
      ["empty/", "raw/", "raw/deep/", "raw/deep/c.raw", "raw/deep/none/"],
    ],
    [
      "lets what is excluded go over what is included",
      { include: ["*.raw"], exclude: ["raw"] },
      ["a.raw", "tmp/", "tmp/d.raw"],
    ],
    ["may take nothing", { include: ["*.d"] }, []],
  ])("%s", async (_, selection, paths) => {
    await using folder = await planted(tree);
    expect(await taken(folder.path, selection)).toEqual(paths);
  });

  test("of an included file deep down the folders are told in order, once", async () => {
    await using folder = await planted({ a: { b: { c: { "x.raw": "", "y.raw": "" } }, d: {} } });
    const all = await found(folder.path, { include: ["*.raw"] });
    expect(all.map((it) => ("inFolder" in it ? [it.path, it.folderNumber, it.inFolder] : it))).toEqual([
      ["a", 0, -1],
      ["a/b", 1, 0],
      ["a/b/c", 2, 1],
      ["a/b/c/x.raw", 0, 2],
      ["a/b/c/y.raw", 0, 2],
    ]);
  });

  test("junk is told and not taken, unless it is wanted or excluded", async () => {
    await using folder = await planted({
      ".DS_Store": "",
      "Thumbs.db": "",
      "@eaDir": { x: "" },
      "a.raw": "",
    });
    const junk = (all: readonly Found[]) => all.filter(({ type }) => type === "junk").map(({ path }) => path);
    expect(junk(await found(folder.path))).toEqual([".DS_Store", "@eaDir", "Thumbs.db"]);
    expect(junk(await found(folder.path, { exclude: ["*.db"] }))).toEqual([".DS_Store", "@eaDir"]);
    expect(await taken(folder.path, { all: true })).toEqual([
      ".DS_Store",
      "@eaDir/",
      "@eaDir/x",
      "Thumbs.db",
      "a.raw",
    ]);
  });
});

describe.skipIf(isWindows)("what is no file of its own (not on Windows)", () => {
  async function leftOut(folder: string, selection: Partial<Selection> = {}) {
    const all = await found(folder, selection);
    return all.flatMap((it) => (it.type === "left-out" ? [`${it.path}: ${it.why}`] : []));
  }

  test("symbolic links, hard links, sockets and pipes are named", async () => {
    await using folder = await planted({ "a.raw": "a", sub: {} });
    linkSync(folder.file("a.raw"), folder.file("sub", "b.raw"));
    symlinkSync("a.raw", folder.file("link"));
    symlinkSync("nowhere", folder.file("loose"));
    symlinkSync("sub", folder.file("to-folder"));
    spawnSync("mkfifo", [folder.file("pipe")]);
    const server = createServer().listen(folder.file("socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await leftOut(folder.path)).toEqual([
      "link: a symbolic link",
      "loose: a symbolic link",
      "pipe: a named pipe",
      "socket: a socket",
      "sub/b.raw: a hard link to a file that is taken by another of its names",
      "to-folder: a symbolic link",
    ]);
    server.close();
    expect(await taken(folder.path)).toEqual(["a.raw", "sub/"]);
    expect(await leftOut(folder.path, { include: ["*.raw"] })).toEqual([
      "sub/b.raw: a hard link to a file that is taken by another of its names",
    ]);
  });

  test("links are followed where that is wanted; one that leads back is named, one that leads nowhere is an error", async () => {
    await using folder = await planted({ "a.raw": "a", sub: { "b.raw": "b" } });
    linkSync(folder.file("a.raw"), folder.file("again.raw"));
    symlinkSync("../sub", folder.file("sub", "loop"));
    symlinkSync("sub", folder.file("to-sub"));
    symlinkSync("nowhere", folder.file("loose"));
    expect(await taken(folder.path, { links: "follow" })).toEqual([
      "a.raw",
      "again.raw",
      "sub/",
      "sub/b.raw",
      "to-sub/",
      "to-sub/b.raw",
    ]);
    const loop = "a symbolic link back to a folder that it is in";
    expect(await leftOut(folder.path, { links: "follow" })).toEqual([
      `sub/loop: ${loop}`,
      `to-sub/loop: ${loop}`,
    ]);
    const unreadable = (await found(folder.path, { links: "follow" })).filter(
      ({ type }) => type === "unreadable",
    );
    expect(unreadable).toMatchObject([{ path: "loose", error: { code: "source" } }]);
  });

  test("the folder itself may be behind a link", async () => {
    await using folder = await planted({ sub: { "b.raw": "b" } });
    symlinkSync("sub", folder.file("link"));
    expect(await taken(folder.file("link"))).toEqual(["b.raw"]);
  });

  test("names that are not UTF-8 are found, and their files as well", async () => {
    await using folder = await planted({});
    mkdirSync(Buffer.from(`${folder.path}/d\xff`, "latin1"));
    writeFileSync(Buffer.from(`${folder.path}/d\xff/a\xfe`, "latin1"), "x");
    writeFileSync(folder.file("\ufffd"), "x");
    const all = await found(folder.path);
    expect(all.map(({ type, path }) => [type, path])).toEqual(
      [
        ["folder", "d\u{10feff}"],
        ["file", "d\u{10feff}/a\u{10fefe}"],
        ["file", "\ufffd"],
      ].toSorted(([, a], [, b]) => Buffer.compare(Buffer.from(a!), Buffer.from(b!))),
    );
  });

  test.skipIf(isRoot)("a folder that cannot be read is an error with its path (not as root)", async () => {
    await using folder = await planted({ sub: { "b.raw": "b" }, "z.raw": "z" });
    chmodSync(folder.file("sub"), 0);
    const all = await found(folder.path);
    chmodSync(folder.file("sub"), 0o700);
    expect(all.filter(({ type }) => type === "unreadable")).toMatchObject([
      {
        path: "sub",
        error: { code: "source", message: `Cannot read "${folder.file("sub")}": permission denied` },
      },
    ]);
    expect(all.at(-1)).toMatchObject({ type: "file", path: "z.raw" });
  });
});

test("a folder that is not there, or is none, is an error; so is an end that is asked for", async () => {
  await using folder = await planted({ "a.raw": "a" });
  const failure = async (path: string) => await found(path).catch((error: unknown) => error);
  expect(await failure(folder.file("gone"))).toMatchObject({
    code: "source",
    message: expect.stringContaining("there is no such file"),
  });
  expect(await failure(folder.file("a.raw"))).toMatchObject({
    message: expect.stringContaining("it is no folder"),
  });
  const ending = new AbortController();
  ending.abort(new Error("stop"));
  const selection = { include: [], exclude: [], links: "skip", all: false } as const;
  expect(
    await walk(folder.path, selection, ending.signal)
      .next()
      .catch((error: Error) => error.message),
  ).toBe("stop");
});

test.skipIf(process.platform !== "linux")(
  "what is gone when it is looked at was never there (Linux only)",
  async () => {
    // The descriptor through which this folder is read is one of the names in it.
    const all = await found("/proc/self/fd");
    expect(all.length).toBeGreaterThan(0);
    expect(all.filter(({ type }) => type === "unreadable")).toEqual([]);
  },
);
