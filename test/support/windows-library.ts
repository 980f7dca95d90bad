// Whether libzmq.dll is built. Building it takes minutes, which the normal suite does not have: tests that need it are
// skipped by name where `windowsLibraryMissing` gives a reason; `bun run test:systems` builds it.

import { findOwnLibrary } from "../../build/own-library.ts";

/** Path of the library, or `null`. */
export const windowsLibraryPath: string | null = findOwnLibrary("windows-x64");

/** Why Windows executables are not built in the tests, or `null` when they can be at once. */
export const windowsLibraryMissing: string | null =
  windowsLibraryPath === null ? "`sh build/libzmq.sh windows-x64` has not been run" : null;
