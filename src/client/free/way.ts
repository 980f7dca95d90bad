// Whether a path leads where it seems to: through folders of one volume, and through no link. What lies behind a link, or on
// another volume, is nothing that is deleted.

import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { DyncError, systemCode } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { statsOf } from "../open-file.ts";
import { type Kept, kept } from "./kept.ts";

/** The folder below which all has to lie. */
export interface Base {
  /** Absolute; may be a link itself, since somebody named it. */
  readonly folder: string;
  /** Its volume. */
  readonly device: bigint;
}

/** The base `folder`. Throws `DyncError` ("source") where it is none. */
export async function baseOf(folder: string): Promise<Base> {
  const stats = await statsOf(folder);
  if (stats?.isDirectory() === true) return { folder, device: stats.dev };
  throw new DyncError(
    "source",
    `Cannot look into "${folder}": ${stats === null ? "it is not there" : "it is no folder"}`,
  );
}

/** What the system tells of what is at `path` itself, `null`: nothing is. Throws `DyncError` ("source") where it does not tell. */
export async function look(path: string): Promise<BigIntStats | null> {
  try {
    return await lstat(systemPathBytes(path), { bigint: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return null;
    throw new DyncError("source", `Cannot read "${path}": ${whyUnreadable(error)}`, { cause: error });
  }
}

/** Why `path`, at or below the base, is nothing that may be touched, or `null`. */
export async function wayFault({ folder, device }: Base, path: string): Promise<Kept | null> {
  if (path === folder) return null;
  for (const part of [...foldersBetween(folder, path), path]) {
    const stats = await look(part);
    if (stats === null) return null;
    if (stats.isSymbolicLink() || (part !== path && !stats.isDirectory()))
      return kept("link", `"${part}" is a link, which is not followed`);
    if (stats.dev !== device) return kept("other-volume", `"${part}" is on another volume`);
  }
  return null;
}

/** The folders below `folder` on the way to `path`, outermost first. */
function foldersBetween(folder: string, path: string): readonly string[] {
  const folders: string[] = [];
  for (let it = dirname(path); relative(folder, it) !== "" && it !== dirname(it); it = dirname(it))
    folders.unshift(it);
  return folders;
}
