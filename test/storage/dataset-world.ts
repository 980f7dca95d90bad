// Datasets for tests of their storage: tars of all that can be in one, and partials whose home does as it is told.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type DatasetHome, PartialDataset } from "../../src/storage/dataset/partial-dataset.ts";
import type { WholeDataset } from "../../src/storage/dataset/whole-dataset.ts";
import { plainSha256, type Sha256Maker } from "../../src/storage/sha256/sha256.ts";
import { storageError } from "../../src/storage/storage-error.ts";
import type { FileSystemSync } from "../../src/storage/syncfs/file-system-sync.ts";
import { encodeMember } from "../../src/tar/header.ts";
import { blockBytes, paddingOf } from "../../src/tar/member.ts";
import type { Layout } from "../../src/upload/upload.ts";
import { idOf } from "./contract.ts";

/**
 * Files with their content, folders with `null`, and what is taken out again with `gone`: the last of two with one path counts.
 */
export type Listed = readonly (readonly [path: string, content: string | null | typeof gone])[];
export const gone = Symbol("gone");

/** A tar of these members, each with a time of its own. */
export function tarBytes(members: Listed): Uint8Array {
  const parts = members.flatMap(([path, text], index) => {
    if (text === gone) return [encodeMember({ type: "removed", path })];
    const content = Buffer.from(text ?? "");
    const type = text === null ? "folder" : "file";
    const modified = new Date(1_600_000_000_000 + 1000 * index).toISOString();
    const header = encodeMember({ path, type, size: content.length, modified, executable: index % 5 === 1 });
    return [header, content, new Uint8Array(paddingOf(content.length))];
  });
  return new Uint8Array(Buffer.concat([...parts, new Uint8Array(2 * blockBytes)]));
}

/** What a folder has that such a tar was unpacked into. */
export function treeOf(members: Listed): Readonly<Record<string, string | null>> {
  const tree: Record<string, string | null> = {};
  for (const [path, content] of members) {
    if (content === gone) {
      for (const other of Object.keys(tree))
        if (other === path || other.startsWith(`${path}/`)) delete tree[other];
      continue;
    }
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) tree[parts.slice(0, depth).join("/")] = null;
    tree[path] = content;
  }
  return tree;
}

/**
 * Folders, empty and not named, files of every length, long names, members that come again, and what is taken out, of each kind, for
 * good and for something of the other kind.
 */
export const everything: Listed = [
  ["run", null],
  ["run/empty", null],
  ["run/nothing", ""],
  ["run/small", "small"],
  ["run/block", "b".repeat(512)],
  ["run/again", "the first"],
  [`run/${"long ".repeat(30)}name`, "x".repeat(700)],
  ["unnamed/folders/on the way", "y".repeat(1500)],
  ["run/again", "the second, which is longer"],
  ["run/größe", "z".repeat(100)],
  ["run/small", ""],
  ["run/again", "third"],
  ["run/large", "0123456789".repeat(300)],
  ["run/scratch", null],
  ["run/scratch/a", "a".repeat(300)],
  ["run/scratch/deep/b", "b".repeat(600)],
  ["run/scratch/empty", null],
  ["run/scratch-x", "stays"],
  ["run/scratch/a", "once more"],
  ["run/other", "o".repeat(512)],
  ["run/renewed", "before"],
  ["unnamed/scratch/of/several", "levels"],
  ["run/scratch", gone],
  ["run/other", gone],
  ["run/scratch", "now a file"],
  ["run/other/inside", "now in a folder"],
  ["run/renewed", gone],
  ["run/renewed", "after"],
  ["unnamed/scratch", gone],
];

export interface HomeOptions {
  readonly folder: string;
  readonly fileSystemSync: FileSystemSync | null;
  readonly membersMax?: number;
  readonly sha256?: Sha256Maker;
  readonly publish?: (dataset: WholeDataset) => Promise<void>;
}

export function homeOf({
  folder,
  fileSystemSync,
  membersMax = 1000,
  sha256 = plainSha256,
  publish = async () => {},
}: HomeOptions): DatasetHome {
  return {
    folder,
    fileSystemSync,
    membersMax,
    sha256,
    publishedMode: 0o644,
    explain: async (action, cause) => storageError(action, cause),
    letGo: async () => {},
    discard: async () => {},
    onTimeRefused: () => {},
    publish: (_id, _destination, _description, dataset) => publish(dataset),
  };
}

/** A new dataset in `options.folder`. */
export async function createDataset(options: HomeOptions, layout: Layout = "plain"): Promise<PartialDataset> {
  await mkdir(options.folder, { recursive: true });
  return await PartialDataset.create(placeIn(options.folder), layout, homeOf(options));
}

/** The one that is there. */
export async function openDataset(options: HomeOptions): Promise<PartialDataset> {
  const dataset = await PartialDataset.open(placeIn(options.folder), homeOf(options));
  if (dataset === null) throw new Error("a dataset is there");
  return dataset;
}

export function placeIn(folder: string) {
  return { id: idOf(1), folder: join(folder, idOf(1)) };
}

/** All that can be read of it. */
export async function streamOf(dataset: PartialDataset): Promise<Uint8Array> {
  const into = new Uint8Array(dataset.length + 1);
  return into.subarray(0, await dataset.read(0, into));
}
