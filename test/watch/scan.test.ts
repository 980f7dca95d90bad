import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openForWriting } from "../../src/watch/folder/open-for-writing.ts";
import { Beside, NotReachable, Scanner, type Shape } from "../../src/watch/folder/scan.ts";
import { lockWatch, type SentEntry, SentMemory, watchFolderOf } from "../../src/watch/folder/sent-memory.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

let temp: TempFolder;
let folder: string;
const { signal } = new AbortController();

const everything: Shape = {
  depth: 1,
  isEntry: () => true,
  isLeftOut: (path) => path.endsWith(".left-out"),
  isJunk: (path) => path.endsWith(".junk"),
};

/** The fingerprint of each entry, by path. */
async function look(scanner: Scanner): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { path, fingerprint } of scanner.entries(signal)) found.set(path, fingerprint.text);
  return found;
}

async function pathsOf(scanner: Scanner): Promise<readonly string[]> {
  return [...(await look(scanner)).keys()];
}

beforeEach(async () => {
  temp = await tempFolder();
  folder = temp.file("watched");
  await mkdir(join(folder, "run", "sub"), { recursive: true });
  await writeFile(join(folder, "a.raw"), "a");
  await writeFile(join(folder, "run", "sub", "b.raw"), "b");
});
afterEach(async () => await temp[Symbol.asyncDispose]());

describe("Scanner", () => {
  test("finds entries, each with a fingerprint that stays as long as nothing changes", async () => {
    const scanner = new Scanner(folder, everything);
    const first = await look(scanner);
    expect([...first.keys()]).toEqual(["a.raw", "run"]);
    expect(await look(scanner)).toEqual(first);
    expect((await scanner.look("run", signal))?.fingerprint.text).toBe(first.get("run") as string);
    expect(await scanner.look("gone", signal)).toBeNull();
  });

  test.each([
    ["another size", () => writeFile(join(folder, "run/sub/b.raw"), "bb")],
    ["another time", () => utimes(join(folder, "run/sub/b.raw"), 1, 1)],
    ["another name", () => rename(join(folder, "run/sub/b.raw"), join(folder, "run/sub/c.raw"))],
    ["one file more", () => writeFile(join(folder, "run/c.raw"), "")],
    ["one file less", () => rm(join(folder, "run/sub/b.raw"))],
  ])("%s is another state", async (_, change) => {
    const scanner = new Scanner(folder, everything);
    const before = await look(scanner);
    await change();
    const after = await look(scanner);
    expect(after.get("run")).not.toBe(before.get("run"));
    expect(after.get("a.raw")).toBe(before.get("a.raw"));
  });

  test("another file with the same size and time in its place is another state", async () => {
    const scanner = new Scanner(folder, everything);
    await utimes(join(folder, "a.raw"), 1, 1);
    const before = await look(scanner);
    await writeFile(temp.file("other"), "z");
    await utimes(temp.file("other"), 1, 1);
    await rename(temp.file("other"), join(folder, "a.raw"));
    expect((await look(scanner)).get("a.raw")).not.toBe(before.get("a.raw"));
  });

  test("junk, links and what is left out change nothing", async () => {
    const scanner = new Scanner(folder, everything);
    const before = await look(scanner);
    await writeFile(join(folder, "run", "x.junk"), "junk");
    await symlink("/nowhere", join(folder, "run", "link"));
    await writeFile(join(folder, "x.left-out"), "");
    await symlink(join(folder, "run"), join(folder, "link"));
    expect(await look(scanner)).toEqual(before);
  });

  test("of what rests nothing is looked at, and in a folder that does not, all", async () => {
    const scanner = new Scanner(folder, { ...everything, depth: 2, isEntry: ({ name }) => name !== "run" });
    await writeFile(join(folder, "run", "sub", "c.raw"), "c");
    const asked: string[] = [];
    const found: string[] = [];
    const rests = (path: string): boolean => asked.push(path) > 0 && path === "a.raw";
    for await (const { path } of scanner.entries(signal, rests)) found.push(path);
    expect([asked, found]).toEqual([["a.raw", "run", "run/sub"], ["run/sub"]]);
  });

  test("what lies beside entries that are looked at again is listed once, and not unless it is asked for", async () => {
    const scanner = new Scanner(folder, everything);
    const beside = new Beside();
    const [one, other] = [
      await scanner.look("a.raw", signal, beside),
      await scanner.look("run", signal, beside),
    ];
    await writeFile(join(folder, "new.raw"), "new");
    expect(one?.view.siblings()).toEqual(["a.raw", "new.raw", "run"]);
    expect(other?.view.siblings()).toBe(one?.view.siblings() as readonly string[]);
  });

  test("looks for entries as deep as is said, and in no entry", async () => {
    const deep = { ...everything, depth: 3, isEntry: ({ kind }: { kind: string }) => kind === "file" };
    expect(await pathsOf(new Scanner(folder, deep))).toEqual(["a.raw", "run/sub/b.raw"]);
    expect(await pathsOf(new Scanner(folder, { ...deep, depth: 2 }))).toEqual(["a.raw"]);
    const folders = { ...everything, depth: 2, isEntry: (_: unknown, depth: number) => depth === 2 };
    expect(await pathsOf(new Scanner(folder, folders))).toEqual(["run/sub"]);
  });

  test("a folder that is gone, or another one, is not looked at", async () => {
    const scanner = new Scanner(folder, everything);
    await look(scanner);
    await rename(folder, `${folder}.away`);
    expect(look(scanner)).rejects.toThrow(NotReachable);
    await mkdir(folder);
    expect(look(scanner)).rejects.toThrow("Another folder, or another drive");
    expect(await pathsOf(scanner)).toEqual([]);
  });

  test("what lies in an entry is listed when it is asked for, with what lies beside it", async () => {
    const sighting = await new Scanner(folder, everything).look("run", signal);
    await writeFile(join(folder, "run", "x.junk"), "junk");
    expect(sighting?.view.files(1)).toEqual([]);
    expect(sighting?.view.files(2)).toMatchObject([{ path: "sub/b.raw", size: 1 }]);
    await mkdir(join(folder, "run", "sub", "sub"));
    await writeFile(join(folder, "run", "sub", "sub", "c.raw"), "cc");
    expect(sighting?.view.files()).toMatchObject([{ path: "sub/b.raw", size: 1 }, { path: "sub/sub/c.raw" }]);
    expect(sighting?.view.siblings()).toEqual(["a.raw", "run"]);
    expect(await sighting?.view.read("sub/b.raw", 10)).toEqual(new TextEncoder().encode("b"));
    expect(await sighting?.view.read("../a.raw", 10)).toEqual(new TextEncoder().encode("a"));
    expect(await sighting?.view.read("gone", 10)).toBeNull();
  });
});

test.skipIf(process.platform !== "linux")(
  "our own files that are open for writing are not counted",
  async () => {
    const writer = Bun.file(join(folder, "a.raw")).writer();
    writer.write("more");
    await writer.flush();
    expect([...openForWriting(folder)]).toEqual([]);
    await writer.end();
  },
);

describe("SentMemory", () => {
  const entry: SentEntry = {
    ...{
      path: "run",
      kind: "folder",
      sha256: "0".repeat(64),
      upload: "u",
      name: "run.tar",
      at: "2026-01-01",
    },
    fingerprint: { files: 1, bytes: 2, text: "1-2-abc" },
  };

  test("remembers what was sent to which server, over restarts", () => {
    const state = watchFolderOf(temp.path, folder);
    {
      using memory = SentMemory.open(state, "a:1");
      expect(memory.sentAs("run")).toBeNull();
      memory.note(entry);
      memory.note({ ...entry, fingerprint: { ...entry.fingerprint, text: "newer" } });
    }
    using again = SentMemory.open(state, "a:1");
    expect(again.sentAs("run")).toBe("newer");
    using other = SentMemory.open(state, "b:1");
    expect(other.sentAs("run")).toBeNull();
  });

  test("a folder is watched by one at a time", () => {
    const state = watchFolderOf(temp.path, folder);
    const first = lockWatch(state, folder);
    expect(first).not.toBeNull();
    expect(lockWatch(state, folder)).toBeNull();
    first?.release();
    using second = lockWatch(state, folder);
    expect(second).not.toBeNull();
  });

  test("a home that cannot be used is an error that says what for", async () => {
    await writeFile(temp.file("file"), "");
    expect(() => SentMemory.open(join(temp.file("file"), "x"), "a:1")).toThrow("Cannot use");
  });
});
