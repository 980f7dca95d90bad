// What lies in a folder, to be compared with another one.

import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Every file with its content's checksum, and every folder; with `hasTimes` also when each was modified. */
export async function treeOf(folder: string, hasTimes = false): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const tree: [string, string][] = [];
  for (const entry of entries) {
    const at = join(entry.parentPath, entry.name);
    const { mtimeNs, mode } = await stat(at, { bigint: true });
    const content = entry.isDirectory()
      ? "folder"
      : createHash("sha256")
          .update(await readFile(at))
          .digest("hex");
    const isExecutable = entry.isFile() && (mode & 0o100n) !== 0n;
    tree.push([at.slice(folder.length + 1), `${content} ${isExecutable} ${hasTimes ? mtimeNs : ""}`]);
  }
  return Object.fromEntries(tree.sort(([a], [b]) => (a < b ? -1 : 1)));
}
