// What becomes of a folder that is to be a dataset: what is listed, what is left out, and everything that makes it impossible.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type DyncError, SeveralErrors } from "../../../src/base/error.ts";
import { listFolder } from "../../../src/client/listing/listing.ts";
import type { ListingMark } from "../../../src/client/listing/listing-mark.ts";
import type { Selection } from "../../../src/client/listing/selection.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { plant, type Tree } from "../../support/trees.ts";

const isWindows = process.platform === "win32";
const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();

async function list(folder: string, selection: Partial<Selection> = {}, known: ListingMark | null = null) {
  const whole = { include: [], exclude: [], links: "skip", all: false, ...selection } as const;
  return await listFolder({ folder, selection: whole, known }, signal);
}

async function planted(tree: Tree) {
  const folder = await tempFolder();
  plant(folder.file("run"), tree);
  return folder;
}

/** The lines that are printed of the error with which listing ends. */
async function linesOf(listing: Promise<unknown>): Promise<readonly string[]> {
  const error = await listing.then(
    () => null,
    (thrown: DyncError) => thrown,
  );
  const all = (it: DyncError | null): readonly DyncError[] =>
    it instanceof SeveralErrors ? it.all.flatMap(all) : it === null ? [] : [it];
  return all(error).map(({ code, message }) => `${code}: ${message}`);
}

test("files and bytes are counted, and the newest time is the whole's", async () => {
  await using folder = await planted({ "a.raw": "abc", sub: { "b.raw": "de", none: {} } });
  utimesSync(folder.file("run", "a.raw"), 1_800_000_000, 1_800_000_000);
  const { files, bytes, modified, tar } = await list(folder.file("run"));
  expect({ files, bytes, modified, members: tar.count }).toEqual({
    files: 2,
    bytes: 5,
    modified: "2027-01-15T08:00:00Z",
    members: 4,
  });
});

describe("the mark", () => {
  test("is the same for the same files", async () => {
    await using folder = await planted({ "a.raw": "abc", sub: { "b.raw": "de" } });
    expect((await list(folder.file("run"))).mark).toEqual((await list(folder.file("run"))).mark);
  });

  test.each<[string, (path: (...names: string[]) => string) => void]>([
    ["grew", (path) => writeFileSync(path("a.raw"), "abcd")],
    ["has another time", (path) => utimesSync(path("a.raw"), 1_600_000_000, 1_600_000_000)],
    ["was replaced by one that looks the same", (path) => replaceByTwin(path("a.raw"), path("sub", "tmp"))],
    ["is gone", (path) => rmSync(path("a.raw"))],
    ["came", (path) => writeFileSync(path("c.raw"), "")],
    ["has another name", (path) => renameSync(path("a.raw"), path("b.raw"))],
    ["may be executed", (path) => chmodSync(path("a.raw"), 0o755)],
  ])("is another when a file %s", async (_, change) => {
    await using folder = await planted({ "a.raw": "abc", sub: { "b.raw": "de" } });
    const { mark } = await list(folder.file("run"));
    change((...names) => folder.file("run", ...names));
    expect((await list(folder.file("run"))).mark.digest).not.toBe(mark.digest);
    // And what is known of the one before has no influence.
    expect(await list(folder.file("run"), {}, mark)).toMatchObject({
      mark: (await list(folder.file("run"))).mark,
    });
  });

  test("stays when something came that is not sent, and so does the tar", async () => {
    await using folder = await planted({ "a.raw": "abc", sub: { "b.raw": "de" } });
    const before = await list(folder.file("run"), { exclude: ["*.log"] });
    for (const name of [".DS_Store", "x.log"]) writeFileSync(folder.file("run", "sub", name), "");
    const after = await list(folder.file("run"), { exclude: ["*.log"] }, before.mark);
    expect(after.mark).toEqual(before.mark);
    expect(after.tar.member(1)).toEqual(before.tar.member(1));
    const anew = await list(folder.file("run"), { exclude: ["*.log"] });
    expect(anew.tar.member(1).modified).not.toBe(before.tar.member(1).modified);
  });
});

function replaceByTwin(path: string, by: string): void {
  writeFileSync(by, "abc");
  utimesSync(by, 1_700_000_000, 1_700_000_000);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  renameSync(by, path);
}

test("what is left out is named, and the first of many", async () => {
  const links = Array.from({ length: 25 }, (_, at) => `l${String(at).padStart(2, "0")}`);
  await using folder = await planted({ "a.raw": "a", ".DS_Store": "", "~$x.docx": "" });
  for (const link of links) symlinkSync("a.raw", folder.file("run", link));
  const said: string[] = [];
  (await list(folder.file("run"))).leftOut.tell((text) => said.push(text));
  const from = `Left out of "${folder.file("run")}"`;
  expect(said).toEqual([
    ...links.slice(0, 20).map((path) => `${from}: "${path}", a symbolic link`),
    `${from} for such reasons: 5 more`,
    `${from}: 2 files of the system, such as ".DS_Store" (--all keeps them)`,
  ]);
});

test("where links shall be followed, their files are listed; where none shall be, all are named", async () => {
  await using folder = await planted({ "a.raw": "a" });
  symlinkSync("a.raw", folder.file("run", "soft"));
  linkSync(folder.file("run", "a.raw"), folder.file("run", "hard"));
  expect((await list(folder.file("run"), { links: "follow" })).files).toBe(3);
  expect(await linesOf(list(folder.file("run"), { links: "fail" }))).toEqual([
    `source: "${folder.file("run", "hard")}" is a hard link to a file that is taken by another of its names`,
    `source: "${folder.file("run", "soft")}" is a symbolic link`,
    `source: There are 2 links in "${folder.file("run")}"`,
  ]);
});

describe.skipIf(isWindows)("names that cannot be sent are all named (not on Windows)", () => {
  test("with what is wrong, those in a folder that has a wrong name as well", async () => {
    await using folder = await planted({ "a:b": "", "CON.txt": "", "x.": { "y?": "", fine: "" }, fine: "" });
    const at = (path: string) => folder.file("run", path);
    expect(await linesOf(list(folder.file("run")))).toEqual([
      `usage: "${at("CON.txt")}" cannot be sent: its path is reserved by Windows`,
      `usage: "${at("a:b")}" cannot be sent: its path contains ":"`,
      `usage: "${at("x.")}" cannot be sent: its path ends with a dot`,
      `usage: "${at("x./y?")}" cannot be sent: its path contains "?"`,
      `usage: 4 names in "${folder.file("run")}" cannot be sent`,
    ]);
  });

  test("one alone is one line with its hint", async () => {
    await using folder = await planted({ "a:b": "" });
    const error = await list(folder.file("run")).catch((thrown: DyncError) => thrown);
    expect(error).toMatchObject({
      code: "usage",
      message: `"${folder.file("run", "a:b")}" cannot be sent: its path contains ":"`,
      hint: "rename them, or leave them out with --exclude; nothing was sent",
    });
  });

  test("of many the first twenty, and how many there are", async () => {
    const names = Array.from({ length: 3000 }, (_, at) => `${String(at).padStart(4, "0")}?`);
    await using folder = await planted(Object.fromEntries(names.map((name) => [name, ""])));
    const lines = await linesOf(list(folder.file("run")));
    expect(lines.slice(0, 20).every((line, at) => line.includes(names[at]!))).toBe(true);
    expect(lines.slice(20)).toEqual([`usage: 3000 names in "${folder.file("run")}" cannot be sent`]);
  });

  test("those that some system takes for the same, but not what is in two such folders", async () => {
    await using folder = await planted({
      a: { x: "", X: "" },
      A: { x: "" },
      "\u00e9": "",
      "e\u0301": "",
      b: "",
    });
    const at = (path: string) => folder.file("run", path);
    expect(await linesOf(list(folder.file("run")))).toEqual([
      `usage: "${at("a")}" cannot be sent: its path counts as the same as "A"`,
      `usage: "${at("a/X")}" cannot be sent: its path counts as the same as "A/x"`,
      `usage: "${at("\u00e9")}" cannot be sent: its path counts as the same as "e\u0301"`,
      `usage: 3 names in "${folder.file("run")}" cannot be sent`,
    ]);
  });

  test("those that are no text", async () => {
    await using folder = await planted({});
    writeFileSync(Buffer.from(`${folder.file("run")}/a\xff`, "latin1"), "x");
    expect(await linesOf(list(folder.file("run")))).toEqual([
      `usage: "${folder.file("run", "a\u{10feff}")}" cannot be sent: its path contains the byte 0xff, which is not valid UTF-8`,
    ]);
  });

  test("what no bag carries is fine where no bag is made", async () => {
    await using folder = await planted({ "a%0A.raw": "", "b%.raw": "", "c.raw": "" });
    const listing = await list(folder.file("run"));
    expect(await linesOf(Promise.reject(listing.bagFault()))).toEqual([
      expect.stringContaining(
        `"${folder.file("run", "a%0A.raw")}" cannot be in a bag, which the server makes: it contains "%"`,
      ),
      expect.stringContaining(`"${folder.file("run", "b%.raw")}" cannot be in a bag`),
      `usage: 2 names in "${folder.file("run")}" cannot be sent`,
    ]);
  });

  test.skipIf(isRoot)("and files that cannot be read (not as root)", async () => {
    await using folder = await planted({ "a.raw": "a", "b:": "b" });
    chmodSync(folder.file("run", "a.raw"), 0);
    expect(await linesOf(list(folder.file("run")))).toEqual([
      `source: Cannot read "${folder.file("run", "a.raw")}": permission denied`,
      expect.stringContaining("usage: "),
    ]);
  });
});

test("nothing at all is no dataset, empty folders are one", async () => {
  await using folder = await planted({ "a.raw": "a" });
  expect(await linesOf(list(folder.file("run"), { exclude: ["*"] }))).toEqual([
    `source: There is nothing to send in "${folder.file("run")}"`,
  ]);
  mkdirSync(folder.file("run", "none"));
  expect((await list(folder.file("run"), { exclude: ["*.raw"] })).files).toBe(0);
});
