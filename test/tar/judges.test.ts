// What we write, GNU tar, bsdtar and Python's tarfile unpack to the same tree.

import { describe, expect, test } from "bun:test";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import { encodeMember } from "../../src/tar/header.ts";
import { blockBytes } from "../../src/tar/member.ts";
import { VirtualTar } from "../../src/tar/virtual-tar.ts";
import {
  runTar,
  sha256,
  sorted,
  type TreeEntry,
  tarPrograms,
  tarProgramsMissing,
  unpack,
} from "../support/tar-programs.ts";
import { type TestMember, tarOf } from "../support/tars.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Every folder is a member of its own, so that its time is kept. */
const members: readonly TestMember[] = [
  ...[
    ["empty folder", "2026-01-02T03:04:05.000000001Z"],
    ["-rf", "1999-12-31T23:59:59Z"],
    [" leading", "2026-01-02T03:04:05Z"],
    ["Größe 测量 🧬", "2026-01-02T03:04:05.5Z"],
    ["a".repeat(99), "2026-01-02T03:04:05Z"],
    ["b".repeat(100), "2026-01-02T03:04:05Z"],
    ["c".repeat(255), "2026-01-02T03:04:05Z"],
    [".hidden", "2026-01-02T03:04:05Z"],
    ...Array.from({ length: 12 }, (_, depth) => [
      Array.from({ length: depth + 1 }, (_, level) => `level-${level}-${"x".repeat(60)}`).join("/"),
      "2026-01-02T03:04:05.25Z",
    ]),
  ].map(([path, modified]) => ({ path: path!, type: "folder" as const, modified: modified! })),
  { path: "empty", modified: "2026-01-02T03:04:05.123456789Z" },
  { path: "one byte", content: "x", modified: "2026-01-02T03:04:05.1Z", executable: true },
  { path: "block", content: "b".repeat(512), modified: "2026-01-02T03:04:05.000000001Z" },
  { path: "block and one", content: "c".repeat(513), modified: "1970-01-01T00:00:00Z" },
  { path: "big", content: Buffer.alloc(3_000_001, "dync"), modified: "2038-01-19T03:14:08Z" },
  { path: "before 1970", content: "old", modified: "1969-12-31T23:59:58Z" },
  { path: "long before", content: "old", modified: "1901-12-14T00:00:00Z" },
  { path: "after 2242", content: "new", modified: "2300-01-01T00:00:00.5Z" },
  { path: "-rf/--checkpoint-action=exec=sh", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: " leading/ and trailing ", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: "a'b\"c\\d\ne\tf*?[g]", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: "Größe 测量 🧬/é.raw", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: `${"a".repeat(99)}/${"n".repeat(100)}`, content: "fits", modified: "2026-01-02T03:04:05Z" },
  { path: `${"a".repeat(99)}/${"n".repeat(101)}`, content: "does not", modified: "2026-01-02T03:04:05Z" },
  { path: `${"b".repeat(100)}/${"n".repeat(255)}`, content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: `${"c".repeat(255)}/n`, content: "x", modified: "2026-01-02T03:04:05Z" },
  ...[98, 99, 100, 101, 154, 155, 156, 157, 199, 200, 201].map((length) => ({
    path: `${"x".repeat(length % 3)}${"y".repeat(length - (length % 3))}`,
    content: String(length),
    modified: "2026-01-02T03:04:05Z",
  })),
  { path: `${deepest()}/${"ü".repeat(120)}`, content: "deep", modified: "2026-01-02T03:04:05.987654321Z" },
];

/** What libarchive does in a way of its own: it composes names, and turns a fraction round in times before 1970. */
const notForBsdtar: readonly TestMember[] = [
  { path: "nfd-a\u0308", type: "folder", modified: "2026-01-02T03:04:05Z" },
  { path: "nfd-a\u0308/e\u0301.raw", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: "before 1970, with a fraction", content: "old", modified: "1969-12-31T23:59:58.75Z" },
];

function deepest(): string {
  return Array.from({ length: 12 }, (_, level) => `level-${level}-${"x".repeat(60)}`).join("/");
}

function expected(given: readonly TestMember[]): readonly TreeEntry[] {
  return sorted(
    given.map(({ path, type = "file", content = "", modified = null, executable = false }) => ({
      path,
      type,
      executable,
      modified,
      content: type === "file" ? sha256(Buffer.from(content)) : null,
    })),
  );
}

/** A folder, then all that is in it: GNU tar sets a folder's time when it comes to something else. */
function inTreeOrder(a: TestMember, b: TestMember): number {
  const key = ({ path }: TestMember): Buffer => Buffer.from(path.replaceAll("/", "\0"));
  return Buffer.compare(key(a), key(b));
}

/** Python keeps times as floating-point numbers. */
function withRoughTimes(tree: readonly TreeEntry[]): readonly TreeEntry[] {
  const rough = (modified: string): string => String((parseTimestamp(modified)! + 5_000n) / 10_000n);
  return tree.map((entry) => ({ ...entry, modified: rough(entry.modified!) }));
}

/** How each program lists a tar: a line for each member. */
const listers = {
  "GNU tar": ["tar", "--utc", "--full-time", "-tvf"],
  bsdtar: ["bsdtar", "-tvf"],
  tarfile: ["/usr/bin/python3", "-c", "import sys, tarfile; tarfile.open(sys.argv[1]).list()"],
};

async function writeAt(handle: FileHandle, tar: VirtualTar, offset: number, length: number): Promise<void> {
  const bytes = new Uint8Array(length);
  await tar.read(offset, bytes, () => {});
  await handle.write(bytes, 0, length, offset);
}

describe.skipIf(tarProgramsMissing !== null)(`virtual tars (${tarProgramsMissing ?? "all judges"})`, () => {
  describe.each(tarPrograms)("%s", (program) => {
    test("unpacks a virtual tar to the same tree, names and times", async () => {
      await using folder = await tempFolder();
      const given = program === "bsdtar" ? members : [...members, ...notForBsdtar];
      const tar = folder.file("run.tar");
      await writeFile(tar, await tarOf(given.toSorted(inTreeOrder)));
      const [tree, wanted] = [await unpack(program, tar, folder.file("tree")), expected(given)];
      if (program === "tarfile") expect(withRoughTimes(tree)).toEqual(withRoughTimes(wanted));
      else expect(tree).toEqual(wanted);
    });
  });

  describe.each(tarPrograms)("%s", (program) => {
    test("passes over what takes something out again", async () => {
      await using folder = await tempFolder();
      const given: readonly TestMember[] = ["a", "b"].map((path) => ({
        path,
        content: path,
        modified: "2026-01-02T03:04:05Z",
      }));
      const parts = await Promise.all(given.map(async (member) => (await tarOf([member])).subarray(0, 1024)));
      const tar = folder.file("run.tar");
      await writeFile(
        tar,
        Buffer.concat([
          parts[0]!,
          encodeMember({ type: "removed", path: "a" }),
          parts[1]!,
          new Uint8Array(1024),
        ]),
      );
      const [tree, wanted] = [await unpack(program, tar, folder.file("tree")), expected(given)];
      expect(withRoughTimes(tree)).toEqual(withRoughTimes(wanted));
    });

    test.each([8 * 1024 ** 3 - 1, 8 * 1024 ** 3, 8 * 1024 ** 3 + 10, 2 ** 43 - 512])(
      "lists a file of %d bytes, and what comes after it",
      async (size) => {
        await using folder = await tempFolder();
        const member = { type: "file", modified: null, executable: false } as const;
        const tar = new VirtualTar([
          { ...member, path: "huge.raw", size },
          { ...member, path: "after.raw", size: 3 },
        ]);
        const file = folder.file("run.tar");
        await using handle = await open(file, "w");
        await handle.truncate(tar.length);
        // The rest is a hole: nothing of the content takes any room.
        await writeAt(handle, tar, 0, blockBytes * 3);
        await writeAt(handle, tar, tar.length - 4 * blockBytes, 4 * blockBytes);
        const lines = (await runTar([...listers[program], file])).trim().split("\n");
        expect(lines.map((line) => line.trim().split(/ +/))).toEqual([
          expect.arrayContaining([String(size), "huge.raw"]),
          expect.arrayContaining(["3", "after.raw"]),
        ]);
      },
    );
  });
});
