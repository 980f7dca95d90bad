// The systems that dync is released for, and what the files are called. Read by build/release.ts and the tests; a
// table, nothing else. install.sh and the README's lines for Windows build the same names.

import type { Target } from "../src/transport/zmq/addon.ts";

export interface ReleaseTarget {
  /** What users, file names and `--version` call it. */
  readonly name: "linux-x64" | "linux-arm64" | "linux-x64-musl" | "macos-x64" | "macos-arm64" | "windows-x64";
  /** What build/compile.ts calls it. */
  readonly target: Target;
  readonly executableSuffix: "" | ".exe";
  /** Version of the libzmq that goes in. */
  readonly libzmq: string;
}

// The version inside the npm package `zeromq`; Windows has the newest of Debian's source packages, see
// build/libzmq-windows.sh.
const packaged = "4.3.5";

export const releaseTargets: readonly ReleaseTarget[] = [
  { name: "linux-x64", target: "linux-x64", executableSuffix: "", libzmq: packaged },
  { name: "linux-arm64", target: "linux-arm64", executableSuffix: "", libzmq: packaged },
  { name: "linux-x64-musl", target: "linux-x64-musl", executableSuffix: "", libzmq: packaged },
  { name: "macos-x64", target: "darwin-x64", executableSuffix: "", libzmq: packaged },
  { name: "macos-arm64", target: "darwin-arm64", executableSuffix: "", libzmq: packaged },
  { name: "windows-x64", target: "windows-x64", executableSuffix: ".exe", libzmq: "4.3.4" },
];

export type ProgramName = "dync" | "dync-server";
export const programs: readonly ProgramName[] = ["dync", "dync-server"];

/** The name of a released executable, for example `dync-linux-x64-musl` or `dync-server-windows-x64.exe`. */
export function releaseName(program: ProgramName, target: ReleaseTarget): string {
  return `${program}-${target.name}${target.executableSuffix}`;
}
