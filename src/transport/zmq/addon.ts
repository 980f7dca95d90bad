// Where the `zeromq` package keeps a complete libzmq for each system that we build for. Used by library.ts in a
// checkout and by build/stage.ts.

import type { Target } from "./target.ts";

/** Version of the libzmq in that package; a test asks the library. */
export const addonVersion = "4.3.5";

/**
 * Path inside the `zeromq` package, or `null` where its addon exports no C functions (Windows). Chosen by what it
 * needs: glibc-127 runs from glibc 2.25 on, glibc-115 only from 2.38 on, and the plain `115` has no CURVE.
 */
export function addonPath(target: Target): string | null {
  switch (target) {
    case "linux-x64":
      return "build/linux/x64/node/glibc-127-Release/addon.node";
    case "linux-arm64":
      return "build/linux/arm64/node/glibc-127-Release/addon.node";
    case "linux-x64-musl":
      return "build/linux/x64/node/musl-127-Release/addon.node";
    case "linux-arm64-musl":
      return "build/linux/arm64/node/musl-127-Release/addon.node";
    case "macos-x64":
      return "build/darwin/x64/node/libc-115-Release/addon.node";
    case "macos-arm64":
      return "build/darwin/arm64/node/libc-115-Release/addon.node";
    case "windows-x64":
      return null;
  }
}
