// Writes what a file system has only in memory, for the client: by the one call of the system that does it, where there is one.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { systemPathBytes } from "../../base/system-path.ts";
import type { FileSystemSync } from "../../storage/syncfs/file-system-sync.ts";

/**
 * What writes all that is only in memory of the file system that a folder lies on, and resolves to whether that was done; where not,
 * each file has to be written by itself. The way to the system is opened once, when it is first needed; the process may end with it.
 */
export function fileSystemWriter(): (folder: string) => Promise<boolean> {
  let opening: Promise<FileSystemSync | null> | null = null;
  return async (folder) => {
    opening ??= openSync();
    try {
      const sync = await opening;
      if (sync === null) return false;
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
    }
  };
}

async function openSync(): Promise<FileSystemSync | null> {
  const { openFileSystemSync } = await import("../../storage/syncfs/open-file-system-sync.ts");
  return await openFileSystemSync();
}
