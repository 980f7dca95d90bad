// Moves what was proved into another folder, under the path that it had. On one volume by a second name that takes the place of the
// first; elsewhere by a copy that is on the disk, and was read again, before the first one goes. Nothing is overwritten, and a crash
// at any point leaves the file in one of the places or in both; what is in both is found to be the same the next time.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, link, mkdir, open, rename, rm, unlink, utimes } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { DyncError, systemCode } from "../../base/error.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { syncFolder } from "../../base/write-whole.ts";
import type { Disposal } from "./remove.ts";
import { type Base, look } from "./way.ts";

// A file system without second names, or another volume.
const cannotLink = ["EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK", "EISDIR"];

/** Moves what lies below `base` to the same place below `folder` (absolute). `canLink` is `false` in tests alone. */
export function moving(base: Base, folder: string, canLink = true): Disposal {
  const targetOf = (path: string): string => join(folder, relative(base.folder, path));
  return {
    file: async (path, isStill) => {
      const target = targetOf(path);
      await mkdir(systemPathBytes(dirname(target)), { recursive: true });
      const isLinked = canLink && (await linkTo(path, target));
      if (isLinked) await syncFolder(systemPathBytes(dirname(target)));
      else await copyTo(path, target, isStill);
      await unlink(systemPathBytes(path));
    },
    folder: async (path) => void (await mkdir(systemPathBytes(targetOf(path)), { recursive: true })),
  };
}

/** Gives the file a second name; `false` where there can be none, or something has that name. */
async function linkTo(path: string, target: string): Promise<boolean> {
  try {
    await link(systemPathBytes(path), systemPathBytes(target));
    return true;
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "EEXIST" || cannotLink.includes(code)) return false;
    throw error;
  }
}

async function copyTo(path: string, target: string, isStill: () => Promise<boolean>): Promise<void> {
  const there = await look(target);
  if (there !== null) return await expectSame(path, target, isStill);
  // The same again after a crash; made of the name, which may be as long as names can be.
  const draft = join(dirname(target), `.${sha256Hex(basename(target)).slice(0, 32)}.dync-moving`);
  await rm(systemPathBytes(draft), { force: true });
  try {
    await copyFile(systemPathBytes(path), systemPathBytes(draft));
    const stats = await look(path);
    if (stats !== null) await utimes(systemPathBytes(draft), stats.atime, stats.mtime);
    await syncFile(draft);
    await expectSame(path, draft, isStill);
    // Of two that want one name the second finds it taken.
    if ((await look(target)) !== null) throw taken(target);
    await rename(systemPathBytes(draft), systemPathBytes(target));
    await syncFolder(systemPathBytes(dirname(target)));
  } catch (error) {
    await rm(systemPathBytes(draft), { force: true });
    throw error;
  }
}

/** Rejects unless both have the same content, and the first is what was proved after that was read. */
async function expectSame(path: string, other: string, isStill: () => Promise<boolean>): Promise<void> {
  const stats = await look(other);
  if (stats?.isFile() !== true || !(await hashOf(path)).equals(await hashOf(other))) throw taken(other);
  if (await isStill()) return;
  throw new DyncError("source-changed", `"${path}" was changed while it was moved`);
}

function taken(target: string): DyncError {
  return new DyncError("source", `It cannot be moved: "${target}" is there already, and is something else`);
}

async function hashOf(path: string): Promise<Buffer> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(systemPathBytes(path))) hash.update(piece as Buffer);
  return hash.digest();
}

async function syncFile(path: string): Promise<void> {
  // Windows asks for the right to write, and elsewhere a file that is read only has none.
  const handle = await open(systemPathBytes(path), process.platform === "win32" ? "r+" : "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
