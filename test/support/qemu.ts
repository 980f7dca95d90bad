// Runs Linux arm64 executables on another processor with qemu's user-mode emulation and Debian's cross libraries.
// Tests that use it are skipped by name where `qemuIsMissing` gives a reason.

import { existsSync } from "node:fs";

const emulator = "qemu-aarch64-static";
const root = "/usr/aarch64-linux-gnu";

/** Why Linux arm64 executables cannot be run here, or `null` when they can. */
export const qemuIsMissing: string | null = reasonAgainstQemu();

/** The command line that runs a Linux arm64 `executable` here. */
export function qemuCommand(executable: string, args: readonly string[] = []): string[] {
  return [emulator, "-L", root, executable, ...args];
}

function reasonAgainstQemu(): string | null {
  if (Bun.which(emulator) === null) return `no ${emulator} here`;
  for (const library of ["libc.so.6", "libstdc++.so.6"]) {
    if (!existsSync(`${root}/lib/${library}`)) return `no ${root}/lib/${library} here`;
  }
  return null;
}
