// What lies at a path that was given, as far as it can be told before anything is opened.

import { type Stats, statSync } from "node:fs";
import { systemCode } from "../../base/error.ts";
import { systemPathBytes } from "../../base/system-path.ts";

/** Whether something lies at `path`. */
export function isThere(path: string): boolean {
  return kindOf(path) !== "nothing";
}

/** Whether a folder lies at `path`. */
export function isFolder(path: string): boolean {
  return kindOf(path) === "folder";
}

/** What lies at `path`; "file" also where that cannot be told, and opening it will. */
export function kindOf(path: string): "nothing" | "folder" | "special" | "file" {
  try {
    if (path === "") return "nothing";
    const stats = statSync(systemPathBytes(path));
    if (stats.isDirectory()) return "folder";
    return stats.isFile() ? "file" : "special";
  } catch (error) {
    return ["ENOENT", "ENOTDIR", "EINVAL"].includes(systemCode(error) ?? "") ? "nothing" : "file";
  }
}

/** What the system tells of it, or `null`: what cannot be looked at says so when its turn comes. */
export function statsOf(path: string): Stats | null {
  try {
    return statSync(systemPathBytes(path));
  } catch {
    return null;
  }
}
