// An unfinished dataset: a stream that can be read again, cut back and gone on with anywhere, and the files that come of it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { DyncError } from "../../src/base/error.ts";
import { Journal } from "../../src/storage/dataset/journal.ts";
import type { PartialDataset } from "../../src/storage/dataset/partial-dataset.ts";
import type { WholeDataset } from "../../src/storage/dataset/whole-dataset.ts";
import type { FileSystemSync } from "../../src/storage/syncfs/file-system-sync.ts";
import { openFileSystemSync } from "../../src/storage/syncfs/open-file-system-sync.ts";
import { sha256 } from "../support/tar-programs.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codeOf } from "./contract.ts";
import {
  createDataset,
  everything,
  gone,
  type Listed,
  openDataset,
  placeIn,
  streamOf,
  tarBytes,
  treeOf,
} from "./dataset-world.ts";

const tar = tarBytes(everything);
// A disk would take minutes for the syncs.
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

let fileSystemSync: FileSystemSync | null = null;
beforeAll(async () => {
  fileSystemSync = await openFileSystemSync();
});
afterAll(async () => await fileSystemSync?.close());

function treeAt(folder: string): Readonly<Record<string, string | null>> {
  const tree: Record<string, string | null> = {};
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(folder, entry);
    tree[entry] = statSync(path).isDirectory() ? null : readFileSync(path, "utf8");
  }
  return tree;
}

function listOf(members: Listed): string {
  const files = Object.entries(treeOf(members)).filter((it): it is [string, string] => it[1] !== null);
  files.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return sha256(Buffer.from(files.map(([path, text]) => `${sha256(Buffer.from(text))}  ${path}\n`).join("")));
}

/** It is whole: the stream, the list, and the files. */
async function expectWhole(
  dataset: PartialDataset,
  folder: string,
  members: Listed = everything,
): Promise<void> {
  expect(Buffer.compare(await streamOf(dataset), tarBytes(members))).toBe(0);
  const files = Object.values(treeOf(members)).filter((content) => content !== null).length;
  expect(await dataset.contents()).toEqual({ layout: "plain", files, list: listOf(members) });
  expect(treeAt(join(placeIn(folder).folder, "tree"))).toEqual(treeOf(members));
}

/** Every place in the stream where something begins, and the ones beside it; the ends of blocks are not all. */
const places = [...new Set([...tar.keys()].filter((at) => at % 256 === 0 || at % 997 === 3))]
  .flatMap((at) => [at - 1, at, at + 1])
  .filter((at) => at >= 0 && at <= tar.length);

describe("a dataset", () => {
  test("is unpacked the same, however its stream is cut into pieces", async () => {
    for (const length of [1, 7, 511, 512, 513, 4096, tar.length]) {
      await using folder = await tempFolder(memory);
      const options = { folder: folder.path, fileSystemSync };
      const dataset = await createDataset(options);
      for (let at = 0; at < tar.length; at += length) await dataset.append(tar.subarray(at, at + length));
      await expectWhole(dataset, folder.path);
      await dataset.close();
    }
  });

  test("goes on anywhere in the next process", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    for (const place of places) {
      const first = await createDataset(options);
      await first.append(tar.subarray(0, place));
      await first.close();
      const next = await openDataset(options);
      expect(next.length).toBe(place);
      expect(Buffer.compare(await streamOf(next), tar.subarray(0, place))).toBe(0);
      await next.append(tar.subarray(place));
      await expectWhole(next, folder.path);
      await next.close();
    }
  });

  test("is cut back anywhere, and goes on with what comes instead", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    for (const place of places) {
      const dataset = await createDataset(options);
      await dataset.append(tar);
      await dataset.truncate(place);
      expect(Buffer.compare(await streamOf(dataset), tar.subarray(0, place))).toBe(0);
      await dataset.append(tar.subarray(place));
      await expectWhole(dataset, folder.path);
      await dataset.close();
    }
  });

  test("that was cut back has nothing of what came behind", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    await fc.assert(
      fc.asyncProperty(fc.nat(12), fc.nat(12), async (kept, later) => {
        const before = everything.slice(0, kept);
        const start = tarBytes(before).length - 1024;
        const dataset = await createDataset(options);
        await dataset.append(
          tarBytes([...before, ["run/small", "other"], ["x/y", "z"], ...everything.slice(later)]).subarray(
            0,
            -1024,
          ),
        );
        await dataset.truncate(start);
        await dataset.append(tarBytes(everything).subarray(start));
        await expectWhole(dataset, folder.path);
        await dataset.close();
      }),
      { numRuns: 40 },
    );
  });

  test("that ends in the middle of a member is refused, and one that ends behind one is not", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    for (const [length, isWhole] of [
      [tar.length - 1024, true],
      [tar.length - 1, true],
      [tar.length - 1025, false],
      [100, false],
      [0, false],
    ] as const) {
      const dataset = await createDataset(options);
      await dataset.append(tar.subarray(0, length));
      const ended = dataset.contents().then(
        () => "whole",
        (error: DyncError) => error.code,
      );
      expect([length, await ended]).toEqual([length, isWhole ? "whole" : "content-rejected"]);
      await dataset.close();
    }
  });

  test("has as many files and folders as are allowed, and not one more", async () => {
    for (const [members, fits] of [
      [
        [
          ["a", ""],
          ["b", ""],
          ["c", null],
        ],
        true,
      ],
      [[["a/b/c", ""]], true],
      [
        [
          ["a", ""],
          ["a", ""],
          ["a", ""],
        ],
        true,
      ],
      [
        [
          ["a", null],
          ["a", null],
          ["a", null],
          ["a", null],
          ["a/b", ""],
        ],
        true,
      ],
      [
        [
          ["a", ""],
          ["b", ""],
          ["c", ""],
          ["d", ""],
        ],
        false,
      ],
      [[["a/b/c/d", ""]], false],
      // What is replaced takes room until all is there.
      [
        [
          ["a", ""],
          ["a", ""],
          ["a", ""],
          ["a", ""],
        ],
        false,
      ],
    ] as const) {
      await using folder = await tempFolder(memory);
      const dataset = await createDataset({ folder: folder.path, fileSystemSync, membersMax: 3 });
      const appended = dataset.append(tarBytes(members));
      if (fits) await appended;
      else expect(await codeOf(appended)).toBe("too-large");
      await dataset.close();
    }
  });

  test("of which nothing came is there for the next process, and one that was not made to its end is not", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    await (await createDataset(options)).close();
    const dataset = await openDataset(options);
    expect(dataset.length).toBe(0);
    await dataset.close();
    const { journal } = { journal: join(placeIn(folder.path).folder, "journal") };
    for (const length of [20, 5, 0]) {
      truncateSync(journal, length);
      expect(await openDataset(options).catch(() => null)).toBeNull();
    }
    // It begins anew then.
    const again = await createDataset(options);
    await again.append(tar);
    await expectWhole(again, folder.path);
    await again.close();
  });
});

test("a dataset that an older server began goes on", async () => {
  await using folder = await tempFolder(memory);
  const options = { folder: folder.path, fileSystemSync };
  const first = await createDataset(options);
  await first.append(tar.subarray(0, 3000));
  await first.close();
  const journal = join(placeIn(folder.path).folder, "journal");
  const bytes = readFileSync(journal);
  expect(bytes.toString("latin1", 0, 21)).toBe("dync dataset 2 plain\n");
  writeFileSync(journal, bytes.with(13, "1".charCodeAt(0)));
  const next = await openDataset(options);
  expect(next.length).toBe(3000);
  await next.append(tar.subarray(3000));
  await expectWhole(next, folder.path);
  await next.close();
});

describe("a crash in the middle of an append", () => {
  test("leaves files that nobody knows of: they go, and what was moved away for them comes back", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    const { folder: hidden } = placeIn(folder.path);
    const at = tarBytes(everything.slice(0, 8)).length - 1024;
    const dataset = await createDataset(options);
    await dataset.append(tar.subarray(0, at));
    await dataset.close();
    // As the next append would have left it.
    cpSync(join(hidden, "journal"), join(folder.path, "journal"));
    const more = await openDataset(options);
    await more.append(tar.subarray(at));
    await more.close();
    writeFileSync(join(hidden, "tree", "unknown"), "x");
    cpSync(join(folder.path, "journal"), join(hidden, "journal"));
    const next = await openDataset(options);
    expect(next.length).toBe(at);
    expect(treeAt(join(hidden, "tree"))).toEqual(treeOf(everything.slice(0, 8)));
    await next.append(tar.subarray(at));
    await expectWhole(next, folder.path);
    await next.close();
  });
});

describe("a process that ends between any two writes to the journal", () => {
  test("leaves what the next one goes on from, with every file that the stream has", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    const { folder: hidden } = placeIn(folder.path);
    // So long names that many records are written, with files that are replaced, taken out, and empty in between.
    const name = (index: number) => `folder/${"n".repeat(240)}/${"m".repeat(230)}-${index % 40}`;
    const members: Listed = Array.from({ length: 300 }, (_, index) => {
      if (index % 120 === 119) return [`folder/${"n".repeat(240)}`, gone];
      return [name(index), "x".repeat((index * 37) % 300)];
    });
    const whole = tarBytes(members);
    const copies: string[] = [];
    const { flush } = Journal.prototype;
    Journal.prototype.flush = async function (this: Journal): Promise<void> {
      await flush.call(this);
      const copy = join(folder.path, `copy-${copies.length}`);
      cpSync(hidden, copy, { recursive: true });
      copies.push(copy);
    };
    try {
      const dataset = await createDataset(options);
      await dataset.append(whole);
      await dataset.close();
    } finally {
      Journal.prototype.flush = flush;
    }
    expect(copies.length).toBeGreaterThan(3);
    for (const copy of copies) {
      rmSync(hidden, { recursive: true });
      cpSync(copy, hidden, { recursive: true });
      const next = await openDataset(options);
      expect(Buffer.compare(await streamOf(next), whole.subarray(0, next.length))).toBe(0);
      await next.append(whole.subarray(next.length));
      await expectWhole(next, folder.path, members);
      await next.close();
    }
  });
});

describe("a power cut", () => {
  // Names are there as they were at some moment since the sync; what was not synced may be anything.
  test("takes what was not synced, and everything goes on from what was", async () => {
    await using folder = await tempFolder(memory);
    const options = { folder: folder.path, fileSystemSync };
    const { folder: hidden } = placeIn(folder.path);
    const [atSync, later] = [join(folder.path, "at-sync"), join(folder.path, "later")];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(tar.length),
        fc.nat(4000),
        fc.nat(4000),
        fc.integer(),
        async (synced, more, unseen, seed) => {
          const dataset = await createDataset(options);
          await dataset.append(tar.subarray(0, synced));
          await dataset.sync();
          cpSync(hidden, atSync, { recursive: true });
          await dataset.append(tar.subarray(synced, synced + more));
          cpSync(hidden, later, { recursive: true });
          await dataset.append(tar.subarray(synced + more, synced + more + unseen));
          await dataset.close();
          rmSync(hidden, { recursive: true });
          garble(atSync, later, seed);
          cpSync(later, hidden, { recursive: true });
          for (const it of [atSync, later]) rmSync(it, { recursive: true });
          const next = await openDataset(options);
          expect(next.length).toBeGreaterThanOrEqual(synced);
          await next.truncate(synced);
          expect(Buffer.compare(await streamOf(next), tar.subarray(0, synced))).toBe(0);
          await next.append(tar.subarray(synced));
          await expectWhole(next, folder.path);
          await next.close();
        },
      ),
      { numRuns: 120 },
    );
  });

  /** Makes of the files in `later` what was not synced at the time of `atSync` may be. */
  function garble(atSync: string, later: string, seed: number): void {
    let random = seed >>> 0;
    const chance = (): number => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return random / 2 ** 32;
    };
    const before = readdirSync(atSync, { recursive: true, encoding: "utf8" });
    for (const path of readdirSync(later, { recursive: true, encoding: "utf8" })) {
      const file = join(later, path);
      if (!statSync(file).isFile() || path === "index") continue;
      const bytes = readFileSync(file);
      const isOld =
        before.includes(path) &&
        statSync(join(atSync, path)).isFile() &&
        bytes.subarray(0, statSync(join(atSync, path)).size).equals(readFileSync(join(atSync, path)));
      const moved = path.startsWith("replaced") ? bytes.length : 0;
      const safe = isOld ? statSync(join(atSync, path)).size : moved;
      if (safe === bytes.length || chance() < 0.3) continue;
      const kept = safe + Math.floor(chance() * (bytes.length - safe + 1));
      const rest =
        chance() < 0.5
          ? Buffer.alloc(chance() < 0.5 ? 0 : bytes.length - kept)
          : Buffer.alloc(bytes.length - kept, 0xee);
      writeFileSync(file, Buffer.concat([bytes.subarray(0, kept), rest]));
    }
  }
});

test("what is whole says how it lies, before it has its name", async () => {
  await using folder = await tempFolder(memory);
  let whole: WholeDataset | null = null;
  const publish = async (dataset: WholeDataset): Promise<void> => {
    whole = dataset;
  };
  const dataset = await createDataset({ folder: folder.path, fileSystemSync, publish }, "bagit");
  await dataset.append(tar);
  await dataset.publish({ folder: "anna", name: "run" }, { sha256: "", metadataText: "{}" });
  expect(whole).toMatchObject({ layout: "bagit", contents: { layout: "bagit", list: listOf(everything) } });
  expect(treeAt(join(placeIn(folder.path).folder, "tree", "data"))).toEqual(treeOf(everything));
  await dataset.close();
});
