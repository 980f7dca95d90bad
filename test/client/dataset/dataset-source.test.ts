// A folder as a source: its tar read at any offset, by independent readers, and everything that may happen to its files meanwhile.

import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { DyncError } from "../../../src/base/error.ts";
import { sha256Of } from "../../../src/base/sha256-of.ts";
import { type DatasetSource, openDataset } from "../../../src/client/dataset/dataset-source.ts";
import type { Selection } from "../../../src/client/listing/selection.ts";
import { treeIn } from "../../support/tar-programs.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { anyTree, plant, type Tree } from "../../support/trees.ts";

const isWindows = process.platform === "win32";
/** Every call seems to take 20 ms: all of it goes to the pool, and is read ahead. */
const slowClock: Clock = {
  ...systemClock,
  now: (
    () => (time: number) => () =>
      (time += 20)
  )()(0),
};

async function planted(tree: Tree) {
  const folder = await tempFolder();
  plant(folder.file("run"), tree);
  const notes: string[] = [];
  const open = async (
    change: { selection?: Partial<Selection>; clock?: Clock; writeAll?: () => Promise<boolean> } = {},
  ) => {
    const selection = { include: [], exclude: [], links: "skip", all: false, ...change.selection } as const;
    const onNote = (text: string) => void notes.push(text);
    const parts = {
      clock: change.clock ?? systemClock,
      writeAll: change.writeAll ?? (async () => false),
      onNote,
      onWarning: onNote,
    };
    const { signal } = new AbortController();
    return await openDataset({ kind: "dataset", path: folder.file("run"), selection }, null, parts, signal);
  };
  const path = (...names: string[]) => folder.file("run", ...names);
  return { folder, path, open, notes, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** All bytes, read in pieces of these lengths. */
async function readAll(source: DatasetSource, pieces: readonly number[] = [65_536]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = 0, turn = 0; ; turn++) {
    const into = new Uint8Array(pieces[turn % pieces.length]!);
    const count = await source.read(offset, into);
    if (count === 0) return Buffer.concat(parts);
    parts.push(into.subarray(0, count));
    offset += count;
  }
}

async function failureOf(promise: Promise<unknown>): Promise<DyncError | null> {
  return await promise.then(
    () => null,
    (error: DyncError) => error,
  );
}

const pattern = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);

describe.skipIf(isWindows)("what other programs make of its bytes is the folder (not on Windows)", () => {
  const unpackers = [
    ["GNU tar", (from: string, to: string) => ["tar", "-xpf", from, "-C", to]],
    ["bsdtar", (from: string, to: string) => ["bsdtar", "-xpf", from, "-C", to]],
    [
      "Python's tarfile",
      (from: string, to: string) => [
        "python3",
        "-c",
        "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])",
        from,
        to,
      ],
    ],
  ] as const;

  test.each(unpackers)("any tree, unpacked by %s", async (name, command) => {
    await fc.assert(
      fc.asyncProperty(
        anyTree.filter((tree) => Object.keys(tree).length > 0),
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (tree, pieces, isSlow) => {
          await using run = await planted(tree);
          chmodSync(run.path(Object.keys(tree)[0]!), 0o755);
          await using source = await disposable(
            run.open({ selection: { all: true }, ...(isSlow ? { clock: slowClock } : {}) }),
          );
          const bytes = await readAll(source, pieces);
          expect(bytes.length).toBe(source.size);
          writeFileSync(run.folder.file("run.tar"), bytes);
          mkdirSync(run.folder.file("out"));
          const { status, stderr } = spawnSync(
            command(run.folder.file("run.tar"), run.folder.file("out"))[0]!,
            command(run.folder.file("run.tar"), run.folder.file("out")).slice(1),
            { env: { ...process.env, LC_ALL: "C.UTF-8" } },
          );
          expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "" });
          const found = await treeIn(run.folder.file("out"));
          const wanted = await treeIn(run.path());
          // Python keeps times as floating point numbers.
          const isPython = name.startsWith("Python");
          const timed = (tree: typeof found) =>
            isPython
              ? tree.map(({ modified, ...it }) => ({ ...it, modified: modified?.slice(0, 21) }))
              : tree;
          expect(timed(found)).toEqual(timed(wanted));
        },
      ),
      { numRuns: 25 },
    );
  });
});

async function disposable(opening: Promise<DatasetSource>) {
  const source = await opening;
  return Object.assign(source, { [Symbol.asyncDispose]: () => source.close() });
}

test("any offset can be read again, in any order, also while files are read ahead", async () => {
  const names = Array.from({ length: 60 }, (_, at) => [`f${at}`, pattern(at * 37)] as const);
  await using run = await planted({ ...Object.fromEntries(names), large: pattern(700_000) });
  for (const clock of [systemClock, slowClock]) {
    const source = await run.open({ clock });
    const whole = await readAll(source);
    const offset = fc.integer({ min: 0, max: whole.length + 10 });
    const length = fc.integer({ min: 1, max: 300_000 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(offset, length), { maxLength: 12 }), async (reads) => {
        for (const [from, size] of reads) {
          const into = new Uint8Array(size);
          const count = await source.read(from, into);
          expect(Buffer.compare(into.subarray(0, count), whole.subarray(from, from + size))).toBe(0);
        }
      }),
      { numRuns: 40 },
    );
    await source.close();
  }
});

test.skipIf(process.platform !== "linux")(
  "closed while it is read, also ahead, it ends that first, and leaves nothing open (Linux only)",
  async () => {
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, pattern(1000)]));
    await using run = await planted({ large: pattern(500_000), ...files });
    const open = (): number => readdirSync("/proc/self/fd").length;
    const before = open();
    for (const offset of [0, 100_000]) {
      const source = await run.open({ clock: slowClock });
      const whole = await readAll(source);
      const into = new Uint8Array(60_000);
      const reading = source.read(offset, into);
      await source.close();
      expect(await reading).toBe(into.length);
      expect(Buffer.compare(into, whole.subarray(offset, offset + into.length))).toBe(0);
    }
    for (let turn = 0; open() > before && turn < 1000; turn++) await new Promise(setImmediate);
    expect(open()).toBeLessThanOrEqual(before);
  },
);

describe("a file that changes ends it, with its path", () => {
  const tree: Tree = { "a.raw": pattern(5000), sub: { "b.raw": pattern(200_000), "c.raw": pattern(300) } };
  type Paths = (...names: string[]) => string;
  const changes: readonly [string, (path: Paths) => void, RegExp][] = [
    [
      "grows",
      (path) => appendFileSync(path("sub", "b.raw"), "x"),
      /b\.raw" changed while it was sent: it had 200000 bytes and has 200001 now/,
    ],
    [
      "shrinks",
      (path) => truncateSync(path("sub", "b.raw"), 10),
      /b\.raw" changed while it was sent: it had 200000 bytes and has 10 now/,
    ],
    [
      "is written to",
      (path) => utimesSync(path("sub", "b.raw"), 1, 1),
      /b\.raw" changed while it was sent: it was written to/,
    ],
    [
      "vanishes",
      (path) => rmSync(path("sub", "b.raw")),
      /b\.raw" changed while it was sent: it is not there any more/,
    ],
    [
      "vanishes with its folder",
      (path) => rmSync(path("sub"), { recursive: true }),
      /b\.raw" changed while it was sent: it is not there any more/,
    ],
    [
      "is replaced",
      (path) => replace(path("sub", "b.raw"), path("tmp")),
      /b\.raw" changed while it was sent: another file has its name now/,
    ],
    [
      "becomes a folder",
      (path) => {
        rmSync(path("sub", "b.raw"));
        mkdirSync(path("sub", "b.raw"));
      },
      /b\.raw" (?:changed while it was sent: it is (?:no file any more|not there any more))/,
    ],
  ];

  function replace(path: string, by: string): void {
    writeFileSync(by, readFileSync(path));
    spawnSync("touch", ["-r", path, by]);
    renameSync(by, path);
  }

  for (const clock of [systemClock, slowClock]) {
    const speed = clock === slowClock ? ", read ahead" : "";
    test.each(changes)(`when it %s before it is read${speed}`, async (_, change, message) => {
      await using run = await planted(tree);
      const source = await run.open({ clock });
      await source.read(0, new Uint8Array(100));
      change(run.path);
      expect(await failureOf(readAll(source))).toMatchObject({
        code: "source-changed",
        message: expect.stringMatching(message),
      });
      await source.close();
    });

    test.each(changes)(`when it %s after it was read${speed}`, async (_, change, message) => {
      await using run = await planted(tree);
      const source = await run.open({ clock });
      const checksum = createHash("sha256")
        .update(await readAll(source))
        .digest();
      change(run.path);
      expect(await failureOf(source.verifyUnchanged(checksum))).toMatchObject({
        code: "source-changed",
        message: expect.stringMatching(message),
      });
      await source.close();
    });
  }

  test.each(changes)("when it %s in the middle of it", async (_, change, message) => {
    await using run = await planted(tree);
    const source = await run.open();
    await source.read(0, new Uint8Array(20_000));
    change(run.path);
    const failure = await failureOf(
      readAll(source).then((bytes) => source.verifyUnchanged(createHash("sha256").update(bytes).digest())),
    );
    expect(failure).toMatchObject({ code: "source-changed", message: expect.stringMatching(message) });
    await source.close();
  });

  test("when other bytes are in it, though size and time are set back: the checksum tells", async () => {
    await using run = await planted(tree);
    const source = await run.open();
    const checksum = await sha256Of(source);
    spawnSync("touch", ["-r", run.path("a.raw"), run.folder.file("times")]);
    writeFileSync(run.path("a.raw"), new Uint8Array(5000));
    spawnSync("touch", ["-r", run.folder.file("times"), run.path("a.raw")]);
    expect(await failureOf(source.verifyUnchanged(checksum))).toMatchObject({
      code: "source-changed",
      message: `"${run.path()}" changed while it was sent: something in it was written to`,
    });
  });
});

describe("what leaves the files as they are is no change", () => {
  test.each<[string, (path: (...names: string[]) => string) => void]>([
    ["other permissions", (path) => chmodSync(path("a.raw"), 0o600)],
    ["another name that lies before its own", (path) => linkSync(path("sub", "b.raw"), path("0.raw"))],
    ["a link beside it", (path) => symlinkSync("a.raw", path("link"))],
    ["junk", (path) => writeFileSync(path("Thumbs.db"), "x")],
  ])("%s", async (_, change) => {
    await using run = await planted({ "a.raw": pattern(5000), sub: { "b.raw": pattern(100) } });
    const source = await run.open();
    const checksum = await sha256Of(source);
    change(run.path);
    await source.verifyUnchanged(checksum);
    // Also when it is asked again.
    await source.verifyUnchanged(checksum);
  });

  test("files that came meanwhile are not part of it, and named once", async () => {
    await using run = await planted({ "a.raw": "a" });
    const source = await run.open({ selection: { exclude: ["*.log"] } });
    const checksum = await sha256Of(source);
    for (const name of ["b.raw", "c.raw", "x.log"]) writeFileSync(run.path(name), "new");
    await source.verifyUnchanged(checksum);
    await source.verifyUnchanged(checksum);
    expect(run.notes).toEqual([
      `2 files that came into "${run.path()}" after it was listed will not be stored, such as "b.raw"`,
    ]);
  });
});

test("what is left out is told when it is opened", async () => {
  await using run = await planted({ "a.raw": "a", ".DS_Store": "" });
  symlinkSync("a.raw", run.path("link"));
  await (await run.open()).close();
  expect(run.notes).toEqual([
    `Left out of "${run.path()}": "link", a symbolic link`,
    `Left out of "${run.path()}": 1 file of the system, such as ".DS_Store" (--all keeps them)`,
  ]);
});

test.skipIf(isWindows)("the digest of its list is that of what sha256sum says (not on Windows)", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyTree.filter((tree) => Object.keys(tree).length > 0),
      async (tree) => {
        await using run = await planted(tree);
        const source = await run.open({ selection: { all: true } });
        const script =
          "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0r sha256sum -z | tr '\\0' '\\n' | sha256sum";
        const { stdout } = spawnSync("sh", ["-c", script], { cwd: run.path() });
        const read: number[] = [0];
        const sizes = spawnSync(
          "sh",
          ["-c", "find . -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'"],
          {
            cwd: run.path(),
          },
        );
        const wanted = Number(sizes.stdout.toString());
        const digest = await source.listDigest((bytes, total) => {
          expect([bytes > read.at(-1)!, total]).toEqual([true, wanted]);
          read.push(bytes);
        });
        expect(digest).toBe(stdout.toString().split(" ")[0]!);
        expect(read.at(-1)).toBe(wanted);
      },
    ),
    { numRuns: 20 },
  );
});

test.each([true, false])(
  "many files that were just written are written by one call (done: %p)",
  async (isDone) => {
    const names = Array.from({ length: 40 }, (_, at) => `f${at}.raw`);
    await using run = await planted(Object.fromEntries(names.map((name) => [name, pattern(100)])));
    for (const name of names) utimesSync(run.path(name), new Date(), new Date());
    let calls = 0;
    const writeAll = async (): Promise<boolean> => {
      calls++;
      return isDone;
    };
    const source = await run.open({ writeAll });
    expect((await readAll(source)).length).toBe(source.size);
    await source.close();
    expect(calls).toBe(1);
  },
);
