// Writes what a file system has only in memory, for the client: by the one call of the system that does it, where there is one.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { systemPathBytes } from "../../base/system-path.ts";

/**
 * Writes all that is only in memory of the file system that `folder` lies on. Resolves to whether that was done; where not, each
 * file has to be written by itself.
 */
export async function writeAll(folder: string): Promise<boolean> {
  const { openFileSystemSync } = await import("../../storage/syncfs/open-file-system-sync.ts");
  const sync = await openFileSystemSync();
  if (sync === null) return false;
  try {
    const handle = await open(systemPathBytes(folder), constants.O_RDONLY);
    try {
      await sync.sync(handle.fd);
      return true;
    } finally {
      await handle.close();
    }
  } catch {
    // Whatever it is: who writes or reads the files one by one hears of it.
    return false;
  } finally {
    await sync.close();
  }
}
