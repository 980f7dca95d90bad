// Which way this runtime has to syncfs.

import type { FileSystemSync } from "./file-system-sync.ts";

/** `null` where the system has no such call. */
export async function openFileSystemSync(): Promise<FileSystemSync | null> {
  if (process.platform !== "linux") return null;
  if ("Bun" in globalThis) return (await import("./syncfs-bun.ts")).openBunSync();
  if ("Deno" in globalThis) return (await import("./syncfs-deno.ts")).openDenoSync();
  return null;
}
