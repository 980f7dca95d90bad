// Whether libzmq.dll is built and up to date. Building it takes minutes, which the normal suite does not have: tests that
// need it are skipped by name where `windowsLibraryMissing` gives a reason; `bun run test:systems` builds it.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const build = join(import.meta.dir, "../../build");

export const windowsLibraryPath: string = join(build, "cache/libzmq.dll");

/** Why Windows executables are not built in the tests, or `null` when they can be at once. */
export const windowsLibraryMissing: string | null = reasonAgainst();

/** As build/libzmq-windows.sh decides it: the stamp names the script and the library that belong together. */
function reasonAgainst(): string | null {
  const stamp = `${windowsLibraryPath}.stamp`;
  if (!existsSync(windowsLibraryPath) || !existsSync(stamp))
    return "build/libzmq-windows.sh has not been run";
  const wanted = `${sha256Of(join(build, "libzmq-windows.sh"))} ${sha256Of(windowsLibraryPath)}`;
  if (readFileSync(stamp, "utf8").trim() === wanted) return null;
  return "build/libzmq-windows.sh has changed since it was run";
}

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
