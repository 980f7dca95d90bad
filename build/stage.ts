// Puts libzmq for a target where compiling and checkouts expect it: build/stage/<target>/libzmq.so, whatever the
// system calls its libraries, because Bun treats a file that ends in .node in a way of its own.
// `bun build/stage.ts [TARGET…]` stages for this machine, or for the given targets.

import { copyFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DyncError } from "../src/base/error.ts";
import { addonPath } from "../src/transport/zmq/addon.ts";
import { hostTarget, type Target, targets } from "../src/transport/zmq/target.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Copies the library for `target`, and returns the path of the copy. Throws `DyncError` when there is none. */
export function stageLibrary(target: Target): string {
  const addon = addonPath(target);
  const source = join(root, addon === null ? "build/cache/libzmq.dll" : `node_modules/zeromq/${addon}`);
  if (!existsSync(source)) {
    throw new DyncError("configuration", `There is no libzmq for ${target} at ${source}`, {
      hint: addon === null ? "Build it with `sh build/libzmq-windows.sh`" : "Run `bun install`",
    });
  }
  const path = join(root, "build/stage", target, "libzmq.so");
  mkdirSync(dirname(path), { recursive: true });
  // Two builds at once may stage the same file: each sees a whole one.
  const temporary = `${path}.${process.pid}`;
  copyFileSync(source, temporary);
  renameSync(temporary, path);
  return path;
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
    process.stdout.write(`${stageLibrary(target)}\n`);
  }
}
