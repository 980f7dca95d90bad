// Deletes what was proved, and nothing else: each file is looked at once more in the moment before. Where something is not what it
// was then, it stays. A crash in its midst leaves files that are on the server.

import { readdir, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DyncError, systemCode } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { type FileVersion, isEqual, versionOf } from "../file-version.ts";
import { FirstOf } from "../listing/first-of.ts";
import type { Listing } from "../listing/listing.ts";
import { entryVersionOf } from "../listing/versions.ts";
import { type Kept, kept } from "./kept.ts";
import { type Base, look, wayFault } from "./way.ts";

/** What was deleted, and what was not. */
export interface Removal {
  readonly files: number;
  readonly bytes: number;
  /** Paths of what is left there: it came since, is not what was proved any more, or cannot be deleted. */
  readonly left: FirstOf<string>;
  /** Why the first of what was proved is left; `null`: all of that is deleted. */
  readonly kept: Kept | null;
}

/** What becomes of what was proved. */
export interface Disposal {
  /** Takes the file at `path` away; where that takes long, `isStill` says whether it is what was proved. Rejects: it stays. */
  file(path: string, isStill: () => Promise<boolean>): Promise<void>;
  /** The folder at `path` is about to go, if it is empty. */
  folder(path: string): Promise<void>;
}

export const deletion: Disposal = {
  file: (path) => unlink(systemPathBytes(path)),
  folder: async () => {},
};

/** Deletes the file at `path`, or has `disposal` do what it does, if it is still `proved`. */
export async function removeFile(
  path: string,
  proved: FileVersion,
  base: Base,
  disposal: Disposal = deletion,
): Promise<Removal> {
  const left = new FirstOf<string>();
  const isProved = (stats: Stats): boolean => isEqual(proved, versionOf(stats));
  const fault = await takeIf(path, base, isProved, disposal);
  if (fault === null) return { files: 1, bytes: proved.size, left, kept: null };
  left.add(path);
  return { files: 0, bytes: 0, left, kept: fault };
}

/** The same with the files that were listed, each if it is still what was listed, and then the folders that are empty. */
export async function removeDataset(
  listing: Listing,
  base: Base,
  disposal: Disposal = deletion,
): Promise<Removal> {
  const { tar, folder } = listing;
  const total = { files: 0, bytes: 0 };
  // All or nothing, as far as that can be told beforehand.
  let fault = await firstChanged(listing, base);
  for (let index = 0; index < tar.count && fault === null; index++) {
    if (tar.isFolder(index)) continue;
    const path = join(folder, tar.path(index));
    fault = await takeIf(path, base, (stats) => isListed(listing, index, stats), disposal);
    if (fault !== null) break;
    total.files += 1;
    total.bytes += tar.size(index);
  }
  if (fault === null) await removeFolders(listing, base, disposal);
  const left = new FirstOf<string>();
  if ((await look(folder)) !== null) await noteLeft(folder, left);
  return { ...total, left, kept: fault };
}

type Stats = NonNullable<Awaited<ReturnType<typeof look>>>;

function isListed({ tar, versions }: Listing, index: number, stats: Stats): boolean {
  const [now, then] = [entryVersionOf(stats), versions.at(index)];
  return (
    stats.size === BigInt(tar.size(index)) &&
    now.modified === then.modified &&
    now.changed === then.changed &&
    now.inode === then.inode
  );
}

async function firstChanged(listing: Listing, base: Base): Promise<Kept | null> {
  const { tar, folder } = listing;
  let looked = "";
  for (let index = 0; index < tar.count; index++) {
    if (tar.isFolder(index)) continue;
    const path = join(folder, tar.path(index));
    // Files of one folder have one way.
    const way = dirname(path);
    const fault = way === looked ? null : await wayFault(base, way);
    if (fault !== null) return fault;
    looked = way;
    const stats = await look(path);
    if (stats?.isFile() !== true || stats.dev !== base.device || !isListed(listing, index, stats))
      return changed(path);
  }
  return null;
}

/** Takes the file at `path` away if `isProved` says so of what is there now; returns why it did not, or `null`. */
async function takeIf(
  path: string,
  base: Base,
  isProved: (stats: Stats) => boolean,
  disposal: Disposal,
): Promise<Kept | null> {
  const isStill = async (): Promise<boolean> => {
    const stats = await look(path);
    return stats?.isFile() === true && stats.dev === base.device && isProved(stats);
  };
  try {
    const fault = await wayFault(base, path);
    if (fault !== null) return fault;
    // Nothing comes in between.
    if (!(await isStill())) return changed(path);
    await disposal.file(path, isStill);
    return null;
  } catch (error) {
    if (error instanceof DyncError)
      return kept(error.code === "source-changed" ? "changed" : "unreadable", error.message);
    return kept("unreadable", `"${path}" cannot be taken away: ${whyUnreadable(error)}`);
  }
}

function changed(path: string): Kept {
  return kept("changed", `"${path}" was changed after it was proved`);
}

/** The innermost first: a folder in which something is left stays, and so do those around it. */
async function removeFolders({ tar, folder }: Listing, base: Base, disposal: Disposal): Promise<void> {
  const folders = [folder];
  for (let index = 0; index < tar.count; index++)
    if (tar.isFolder(index)) folders.push(join(folder, tar.path(index)));
  const depth = (path: string): number => path.split(/[\\/]/).length;
  folders.sort((a, b) => depth(b) - depth(a));
  for (const it of folders) {
    // Whoever named it wants it to stay.
    if (it === base.folder || (await wayFault(base, it)) !== null) continue;
    await disposal.folder(it);
    await rmdir(systemPathBytes(it)).catch(() => {});
  }
}

async function noteLeft(folder: string, left: FirstOf<string>): Promise<void> {
  const entries = await readdir(systemPathBytes(folder), { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw new DyncError("source", `Cannot read "${folder}": ${whyUnreadable(error)}`, { cause: error });
  });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await noteLeft(path, left);
    else left.add(path);
  }
}
