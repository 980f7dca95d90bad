// The systems that dync is released for, and what the files are called. Read by build/release.ts and the tests; a
// table, nothing else. install.sh and the README's lines for Windows build the same names.

import type { Target } from "../src/transport/zmq/target.ts";

// Everything but Linux arm64 with musl, which can be compiled on such a machine but was never run.
export const releaseTargets = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "macos-x64",
  "macos-arm64",
  "windows-x64",
] as const satisfies readonly Target[];

export type ReleaseTarget = (typeof releaseTargets)[number];

export type ProgramName = "dync" | "dync-server";
export const programs: readonly ProgramName[] = ["dync", "dync-server"];

/** The name of a released executable, for example `dync-linux-x64-musl` or `dync-server-windows-x64.exe`. */
export function releaseName(program: ProgramName, target: ReleaseTarget): string {
  return `${program}-${target}${target === "windows-x64" ? ".exe" : ""}`;
}

/** The target of that name, if it is one that dync is released for. */
export function findReleaseTarget(name: string): ReleaseTarget | undefined {
  return releaseTargets.find((target) => target === name);
}
