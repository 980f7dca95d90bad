// What GNU tar, bsdtar and Python's tarfile write, in each of their formats, we read as `tar -x` unpacks it; what cannot be read for
// certain is refused.

import { describe, expect, test } from "bun:test";
import { chmod, link, mkdir, readFile, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { secondsText } from "../../src/base/timestamp.ts";
import { type FoundMember, TarFault } from "../../src/tar/member.ts";
import { TarReader } from "../../src/tar/reader.ts";
import {
  runTar,
  sha256,
  sorted,
  type TreeEntry,
  tarProgramsMissing,
  unpack,
} from "../support/tar-programs.ts";
import { readTar, type TestMember } from "../support/tars.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** What the shortest format can say: names of at most 100 bytes, whole seconds since 1970. */
const short: readonly TestMember[] = [
  { path: "empty folder", type: "folder", modified: "1999-12-31T23:59:59Z" },
  { path: "a", type: "folder", modified: "2026-01-02T03:04:05Z" },
  { path: "a/empty", modified: "2026-01-02T03:04:05Z" },
  { path: "a/run.exe", content: "x", executable: true, modified: "1970-01-01T00:00:00Z" },
  { path: "a/block", content: "b".repeat(512), modified: "2038-01-19T03:14:08Z" },
  { path: "a/big", content: Buffer.alloc(300_001, "dync"), modified: "2026-01-02T03:04:05Z" },
  { path: "-rf", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: "Größe 测量", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: " a'b\"c\\d\ne", content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: `a/${"n".repeat(90)}`, content: "x", modified: "2026-01-02T03:04:05Z" },
];

/** What ustar can say as well: the path is written in two parts. */
const split: readonly TestMember[] = [
  ...short,
  { path: "p".repeat(95), type: "folder", modified: "2026-01-02T03:04:05Z" },
  { path: `${"p".repeat(95)}/${"n".repeat(90)}`, content: "x", modified: "2026-01-02T03:04:05Z" },
];

/** What the others can say. */
const long: readonly TestMember[] = [
  ...split,
  { path: "c".repeat(255), type: "folder", modified: "2026-01-02T03:04:05Z" },
  { path: `${"c".repeat(255)}/${"ü".repeat(127)}`, content: "x", modified: "2026-01-02T03:04:05Z" },
  { path: "before 1970", content: "x", modified: "1969-07-20T20:17:40Z" },
  { path: "after 2242", content: "x", modified: "2300-01-01T00:00:00Z" },
];

const exact: readonly TestMember[] = [
  ...long,
  { path: "fraction", content: "x", modified: "2026-01-02T03:04:05.123456789Z" },
  { path: "fraction before 1970", content: "x", modified: "1969-07-20T20:17:40.25Z" },
];

const owner = ["--owner=someone:3000000", "--group=somegroup:3000000"];
const gnu = (format: string, ...more: string[]): readonly string[] => [
  "tar",
  `--format=${format}`,
  ...more,
  "-cf",
];
const bsd = (format: string): readonly string[] => ["bsdtar", `--format=${format}`, "-cf"];
const python = (format: string): readonly string[] => [
  "/usr/bin/python3",
  "-c",
  `
import sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.${format}_FORMAT) as tar:
    tar.add(sys.argv[3] if sys.argv[2] == "-C" else None, ".")
`,
];

/** Command that is given a tar and "-C FOLDER ." behind it, and what it is able to write. */
const writers: readonly [string, readonly string[], readonly TestMember[]][] = [
  ["GNU tar, v7", gnu("v7"), short],
  ["GNU tar, oldgnu", gnu("oldgnu", ...owner), long],
  ["GNU tar, gnu", gnu("gnu", ...owner), long],
  ["GNU tar, ustar", gnu("ustar"), split],
  ["GNU tar, posix", gnu("posix", ...owner), exact],
  ["GNU tar, posix with a global header", gnu("posix", "--pax-option=globexthdr.mtime:=0,comment=x"), exact],
  ["GNU tar, posix with extended attributes", gnu("posix", "--xattrs", "--acls"), exact],
  ["GNU tar, posix with a label", gnu("posix", "-V", "a label"), exact],
  ["GNU tar, without padding at the end", gnu("posix", "-b", "1"), exact],
  ["bsdtar, v7", bsd("v7"), short],
  ["bsdtar, ustar", bsd("ustar"), split],
  ["bsdtar, gnutar", bsd("gnutar"), long],
  ["bsdtar, pax", bsd("pax"), exact],
  ["bsdtar, restricted pax", bsd("paxr"), exact],
  ["tarfile, ustar", python("USTAR"), split],
  ["tarfile, GNU", python("GNU"), long],
  ["tarfile, pax", python("PAX"), exact],
];

/** Makes `members` below the new `folder`. */
async function makeTree(folder: string, members: readonly TestMember[]): Promise<void> {
  await mkdir(folder);
  const path = (member: TestMember): string => `${folder}/${member.path}`;
  for (const member of members) {
    await mkdir(member.type === "folder" ? path(member) : dirname(path(member)), { recursive: true });
    if (member.type === "folder") continue;
    await writeFile(path(member), member.content ?? "");
    await chmod(path(member), member.executable ? 0o755 : 0o644);
  }
  // Folders last: what is put into them changes their time.
  for (const member of members.toReversed()) {
    const seconds = secondsText(member.modified!);
    await utimes(path(member), seconds, seconds);
  }
}

/** What a tree would be after all members were unpacked in their order. */
function treeOf(tar: Uint8Array): readonly TreeEntry[] {
  const entries = new Map<string, TreeEntry>();
  for (const { member, content } of readTar([tar]).members) {
    const { path, type, executable, modified } = member;
    if (type !== "file" && type !== "folder") throw new Error(`${path} is a ${type}`);
    if (path === ".") continue;
    entries.set(path, {
      path,
      type,
      executable,
      modified,
      content: type === "file" ? sha256(content) : null,
    });
  }
  return sorted([...entries.values()]);
}

/** Command that writes a tar, to be run in a folder, of everything there. */
const linkWriters: readonly [string, readonly string[]][] = [
  ["GNU tar, v7", [...gnu("v7"), "../run.tar"]],
  ["GNU tar, gnu", [...gnu("gnu"), "../run.tar"]],
  ["GNU tar, posix", [...gnu("posix"), "../run.tar"]],
  ["bsdtar, ustar", [...bsd("ustar"), "../run.tar"]],
  ["bsdtar, gnutar", [...bsd("gnutar"), "../run.tar"]],
  ["bsdtar, pax", [...bsd("pax"), "../run.tar"]],
];

const huge = 8 * 1024 ** 3 + 10;
const hugeWriters: readonly [string, string][] = [
  ["GNU tar, gnu", "tar --format=gnu -cf - huge.raw"],
  ["GNU tar, oldgnu", "tar --format=oldgnu -cf - huge.raw"],
  ["GNU tar, posix", "tar --format=posix -cf - huge.raw"],
  ["bsdtar, gnutar", "bsdtar --no-read-sparse --format=gnutar -cf - huge.raw"],
  ["bsdtar, pax", "bsdtar --no-read-sparse --format=pax -cf - huge.raw"],
];

/** What is not read, with what is said. */
const refused: readonly [string, string, RegExp][] = [
  ["GNU tar, gnu, sparse", "tar -S --format=gnu -cf run.tar sparse", /"sparse" is written as a sparse file/],
  ["GNU tar, oldgnu, sparse", "tar -S --format=oldgnu -cf run.tar sparse", /"sparse" is written as a sparse/],
  [
    "GNU tar, posix, sparse 0.0",
    "tar -S --format=posix --sparse-version=0.0 -cf run.tar sparse",
    /sparse file/,
  ],
  [
    "GNU tar, posix, sparse 0.1",
    "tar -S --format=posix --sparse-version=0.1 -cf run.tar sparse",
    /sparse file/,
  ],
  [
    "GNU tar, posix, sparse 1.0",
    "tar -S --format=posix --sparse-version=1.0 -cf run.tar sparse",
    /sparse file/,
  ],
  ["bsdtar, pax, sparse", "bsdtar --format=pax -cf run.tar sparse", /sparse file/],
  ["GNU tar, a label", "tar --format=gnu -V label -cf run.tar a", /"label" is of the unknown type "V"/],
  ["GNU tar, incremental", "tar --format=gnu -g snapshot -cf run.tar sub", /unknown type "D"/],
  [
    "GNU tar, second volume",
    "tar --format=gnu -M -L 20 -F 'mv run.tar first.tar' -cf run.tar big",
    /"big" is of the unknown type "M"/,
  ],
  [
    "GNU tar, second volume, posix",
    "tar --format=posix -M -L 20 -F 'mv run.tar first.tar' -cf run.tar big",
    /spread over several tars/,
  ],
  ["gzip", "tar -czf run.tar a", /packed.*gzip -dc/],
  ["two tars, one behind the other", "tar -cf 1 a && cat 1 1 >run.tar", /more after the end of the tar/],
  ["a Latin-1 name", "mkdir l && touch \"$(printf 'l/\\344')\" && tar -cf run.tar l", /is not valid UTF-8/],
];

describe.skipIf(tarProgramsMissing !== null)(`tars of others (${tarProgramsMissing ?? "all here"})`, () => {
  test.each(writers)("%s", async (_, command, members) => {
    await using folder = await tempFolder();
    await makeTree(folder.file("tree"), members);
    const tar = folder.file("run.tar");
    await runTar([...command, tar, "-C", folder.file("tree"), "."]);
    const read = treeOf(await readFile(tar));
    expect(read).toEqual(await unpack("GNU tar", tar, folder.file("unpacked")));
    expect(read.map(({ path }) => path)).toEqual(
      sorted(members as readonly TreeEntry[]).map(({ path }) => path),
    );
  });

  describe("links and devices are told as what they are", () => {
    const target = `${"long/".repeat(40)}target`;

    test.each(linkWriters)("%s", async (name, command) => {
      await using folder = await tempFolder();
      const tree = folder.file("tree");
      const isShort = /v7|ustar/.test(name);
      await mkdir(tree);
      await writeFile(`${tree}/a`, "content");
      await link(`${tree}/a`, `${tree}/b`);
      await symlink("/etc/passwd", `${tree}/c`);
      if (!isShort) await symlink(target, `${tree}/d`);
      if (!isShort) await runTar(["mkfifo", `${tree}/e`]);
      const names = ["a", "b", "c", ...(isShort ? [] : ["d", "e"])];
      await runTar([...command, ...names], tree);
      const { members } = readTar([await readFile(folder.file("run.tar"))]);
      expect(members.map(({ member: { path, type, link } }) => [path, type, link])).toEqual(
        [
          ["a", "file", ""],
          ["b", "hard link", "a"],
          ["c", "symbolic link", "/etc/passwd"],
          ["d", "symbolic link", target],
          ["e", "fifo", ""],
        ].filter(([path]) => names.includes(path!)),
      );
    });

    test("devices", async () => {
      const script = `
import sys, tarfile
for format in tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT:
    for kind in tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.CONTTYPE:
        info = tarfile.TarInfo("device")
        info.type = kind
        sys.stdout.buffer.write(info.tobuf(format))
`;
      const bytes = Bun.spawnSync(["/usr/bin/python3", "-c", script]).stdout;
      const types = readTar([bytes]).members.map(({ member }) => member.type);
      const each = ["character device", "block device", "file"] as const;
      expect(types).toEqual([...each, ...each]);
    });
  });

  // The beginning suffices: all that follows is content.
  test.each(hugeWriters)("%s: a file of 8 GiB and some bytes", async (_, command) => {
    await using folder = await tempFolder();
    await writeFile(folder.file("huge.raw"), "");
    await truncate(folder.file("huge.raw"), huge);
    await runTar(["sh", "-c", `${command} 2>err | head -c 4096 >run.tar`], folder.path);
    const found: FoundMember[] = [];
    const reader = new TarReader();
    const nothing = (): void => {};
    reader.push(await readFile(folder.file("run.tar")), {
      member: (member) => found.push(member),
      content: nothing,
      end: nothing,
      raw: nothing,
    });
    expect(found.map(({ path, size }) => [path, size])).toEqual([["huge.raw", huge]]);
    expect(() => reader.finish()).toThrow("ends in the middle");
    reader.skipContent(reader.contentLeft);
    reader.push(new Uint8Array(512 - (huge % 512) + 1024), {
      member: nothing,
      content: nothing,
      end: nothing,
      raw: nothing,
    });
    expect(reader.finish()).toBe("marked");
  });

  test.each(refused)("%s: is refused", async (_, command, says) => {
    await using folder = await tempFolder();
    await writeFile(folder.file("a"), "content");
    await writeFile(folder.file("big"), Buffer.alloc(30_000, "dync"));
    await mkdir(folder.file("sub"));
    await writeFile(folder.file("sub", "a"), "content");
    await writeFile(folder.file("sparse"), "x");
    await truncate(folder.file("sparse"), 4_000_000);
    await runTar(["bash", "-c", `set -o pipefail; ${command}`], folder.path);
    const tar = await readFile(folder.file("run.tar"));
    expect(() => readTar([tar])).toThrow(TarFault);
    expect(() => readTar([tar])).toThrow(says);
  });

  test("a file of holes that is written whole", async () => {
    await using folder = await tempFolder();
    await writeFile(folder.file("sparse"), "x");
    await truncate(folder.file("sparse"), 1_000_000);
    for (const command of ["tar --format=posix", "bsdtar --no-read-sparse --format=pax"]) {
      await runTar(["sh", "-c", `${command} -cf run.tar sparse`], folder.path);
      const [only] = readTar([await readFile(folder.file("run.tar"))]).members;
      expect(sha256(only!.content)).toBe(sha256(await readFile(folder.file("sparse"))));
    }
  });
});
