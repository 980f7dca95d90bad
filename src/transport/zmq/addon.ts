// Where the `zeromq` package keeps a complete libzmq for each system that we build for. Used by library.ts in a
// checkout and by build/stage.ts.

import type { Target } from "./target.ts";

/** Version of the libzmq in that package; a test asks the library. */
export const addonVersion = "4.3.5";

/**
 * Path inside the `zeromq` package, or `null` where its addon exports no C functions (Windows). Chosen by what it
 * needs: glibc-127 runs from glibc 2.25 on, glibc-115 only from 2.38 on, and the plain `115` has no CURVE.
 */
export const addonPaths: Readonly<Record<Target, string | null>> = {
  "linux-x64": "build/linux/x64/node/glibc-127-Release/addon.node",
  "linux-arm64": "build/linux/arm64/node/glibc-127-Release/addon.node",
  "linux-x64-musl": "build/linux/x64/node/musl-127-Release/addon.node",
  "linux-arm64-musl": "build/linux/arm64/node/musl-127-Release/addon.node",
  "macos-x64": "build/darwin/x64/node/libc-115-Release/addon.node",
  "macos-arm64": "build/darwin/arm64/node/libc-115-Release/addon.node",
  "windows-x64": null,
};
