// The libzmq of our own: built from pinned sources with the patches in libzmq-patches/, by libzmq.sh. Called by
// stage.ts, build.ts, release.ts and the tests; where it cannot be had, the npm package's serves, except on Windows.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { messageOf } from "../src/base/error.ts";
import type { Target } from "../src/transport/zmq/target.ts";

export const ownLibraryTargets = [
  "linux-x64",
  "linux-arm64",
  "windows-x64",
] as const satisfies readonly Target[];

export type OwnLibraryTarget = (typeof ownLibraryTargets)[number];

/** What this library calls itself, in `--version` and in the log. */
export const ownLibraryVersion = "4.3.4, patched";

const script = join(import.meta.dir, "libzmq.sh");
// Nothing to see in it: no step of it takes this long.
const lookMs = 60_000;

export interface Made {
  /** Path of the library, or `null`. */
  readonly path: string | null;
  /** Why there is none: one line. */
  readonly reason: string;
  /** Whether it could have been built here, and was not. */
  readonly failed: boolean;
}

/** Whether there is a recipe for `target`. */
export function hasRecipe(target: Target): target is OwnLibraryTarget {
  return ownLibraryTargets.some((known) => known === target);
}

/** Path of the library if it was built before, else `null`. Takes some milliseconds. */
export function findOwnLibrary(target: Target): string | null {
  if (!hasRecipe(target)) return null;
  const look = spawnSync("sh", [script, "--cached", target], { encoding: "utf8", timeout: lookMs });
  return look.status === 0 ? look.stdout.trim() : null;
}

/**
 * Builds the library, or finds it built; says on stderr what it does. Takes a minute or two the first time. Installs
 * compilers only if `mayInstall`, and only as root on Debian.
 */
export function makeOwnLibrary(target: OwnLibraryTarget, mayInstall: boolean): Made {
  const env = mayInstall ? process.env : { ...process.env, DYNC_INSTALL_PACKAGES: "no" };
  const { status, stdout, stderr, error } = spawnSync("sh", [script, target], { encoding: "utf8", env });
  if (status === 0) return { path: stdout.trim(), reason: "", failed: false };
  const reason = stderr?.trim().split("\n").at(-1) || messageOf(error);
  return { path: null, reason, failed: status !== 3 && error === undefined };
}
