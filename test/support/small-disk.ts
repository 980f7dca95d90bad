// A disk of a few MiB for tests that fill it: a tmpfs, mounted by root on Linux, elsewhere skipped by name.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MiB = 1024 * 1024;

/** Why no disk can be mounted here, for the name of a skipped test; `null` when one can. */
export const smallDiskMissing: string | null = canMount() ? null : "only root can mount a small disk";

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes up to so many bytes, as another program would; returns how many it got. */
  fill(bytes: number): Promise<number>;
  /** Gives back what `fill` took. */
  clear(): Promise<void>;
}

/** Mounts an empty file system of `bytes`. */
export function mountSmallDisk(bytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "dync-test-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=700`, "dync-test", path]);
  const filler = join(path, "filler");
  return {
    path,
    fill: (bytes) => writeZeros(filler, bytes),
    clear: () => rm(filler, { force: true }),
    async [Symbol.asyncDispose]() {
      execFileSync("umount", ["-l", path]);
      rmdirSync(path);
    },
  };
}

async function writeZeros(path: string, bytes: number): Promise<number> {
  await using file = await open(path, "w");
  const zeros = new Uint8Array(MiB);
  let done = 0;
  try {
    while (done < bytes) {
      done += (await file.write(zeros, 0, Math.min(MiB, bytes - done))).bytesWritten;
    }
  } catch {
    // Full: that is what is wanted.
  }
  return done;
}

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "dync-test-disk-"));
  const works = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4096", "dync-test", folder]).status === 0;
  if (works) execFileSync("umount", [folder]);
  rmdirSync(folder);
  return works;
}
