// Puts libzmq for a target where compiling and checkouts expect it: build/stage/<target>/libzmq.so, whatever the
// system calls its libraries, because Bun treats a file that ends in .node in a way of its own.
// `bun build/stage.ts [TARGET…]` stages for this machine, or for the given targets.

import { copyFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DyncError } from "../src/base/error.ts";
import { addonPaths, addonVersion } from "../src/transport/zmq/addon.ts";
import { hostTarget, type Target, targets } from "../src/transport/zmq/target.ts";
import { findOwnLibrary, ownLibraryVersion } from "./own-library.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A library that is ready to go into an executable. */
export interface StagedLibrary {
  readonly path: string;
  /** What `--version` calls it, such as `4.3.5` or `4.3.4, patched`. */
  readonly version: string;
}

/**
 * Copies the library for `target`: our own if it was built (own-library.ts), else that of the npm package. Throws
 * `DyncError` when there is none.
 */
export function stageLibrary(target: Target): StagedLibrary {
  const own = findOwnLibrary(target);
  const addon = addonPaths[target];
  const source = own ?? (addon === null ? null : join(root, "node_modules/zeromq", addon));
  if (source === null || !existsSync(source)) {
    throw new DyncError("configuration", `There is no libzmq for ${target}`, {
      hint: addon === null ? `Build it with \`sh build/libzmq.sh ${target}\`` : "Run `bun install`",
    });
  }
  const path = join(root, "build/stage", target, "libzmq.so");
  mkdirSync(dirname(path), { recursive: true });
  // Two builds at once may stage the same file: each sees a whole one.
  const temporary = `${path}.${process.pid}`;
  copyFileSync(source, temporary);
  renameSync(temporary, path);
  return { path, version: own === null ? addonVersion : ownLibraryVersion };
}

/** The target of that name, or an error that lists them all. */
export function parseTarget(name: string): Target {
  const target = targets.find((candidate) => candidate === name);
  if (target !== undefined) return target;
  throw new DyncError("usage", `"${name}" is no target, want one of ${targets.join(", ")}`);
}

if (import.meta.main) {
  const names = process.argv.slice(2);
  for (const target of names.length > 0 ? names.map(parseTarget) : [hostTarget()]) {
    process.stdout.write(`${stageLibrary(target).path}\n`);
  }
}
