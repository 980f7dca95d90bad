// The systems that dync is built for: one table for what is compiled, released, installed and shown. Read by
// library.ts, by `--version` and by build/.

import { existsSync } from "node:fs";

/** As users, file names and `--version` call them. Linux means glibc unless it says musl. */
export const targets = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "macos-x64",
  "macos-arm64",
  "windows-x64",
] as const;

export type Target = (typeof targets)[number];

// Set to the target's name in compiled programs, by build/compile.ts.
declare const DYNC_TARGET: Target | undefined;

/** The target that this program was compiled for, or in a checkout the one whose library works in this process. */
export function ownTarget(): Target {
  return typeof DYNC_TARGET === "undefined" ? hostTarget() : DYNC_TARGET;
}

/** Whether this program was compiled, and has libzmq inside. */
export function isCompiled(): boolean {
  return typeof DYNC_TARGET !== "undefined";
}

/** The target whose library works in this process. */
export function hostTarget(): Target {
  const { platform, arch } = process;
  const system = platform === "win32" ? "windows" : platform === "darwin" ? "macos" : platform;
  const isMusl =
    platform === "linux" && existsSync(`/lib/ld-musl-${arch === "x64" ? "x86_64" : "aarch64"}.so.1`);
  return `${system}-${arch}${isMusl ? "-musl" : ""}` as Target;
}

// Set in compiled programs, by build/compile.ts.
declare const DYNC_LIBZMQ_VERSION: string | undefined;

/**
 * What the libzmq inside this program is, such as `4.3.4, patched`, or `null` in a checkout, where only opening one
 * shows which it is.
 */
export function embeddedLibraryVersion(): string | null {
  return typeof DYNC_LIBZMQ_VERSION === "undefined" ? null : DYNC_LIBZMQ_VERSION;
}
