// The systems that dync is released for. Read by build/release.ts, the staging of libzmq and the tests; a table, nothing else.

export interface Target {
  /** What users, file names and `--version` call it. */
  readonly name: "linux-x64" | "linux-arm64" | "linux-x64-musl" | "macos-x64" | "macos-arm64" | "windows-x64";
  /** What Bun calls it. On x64 always `baseline`: computers beside old instruments lack AVX2. */
  readonly bun: string;
  readonly executableSuffix: "" | ".exe";
}

export const targets: readonly Target[] = [
  { name: "linux-x64", bun: "bun-linux-x64-baseline", executableSuffix: "" },
  { name: "linux-arm64", bun: "bun-linux-arm64", executableSuffix: "" },
  { name: "linux-x64-musl", bun: "bun-linux-x64-musl-baseline", executableSuffix: "" },
  { name: "macos-x64", bun: "bun-darwin-x64-baseline", executableSuffix: "" },
  { name: "macos-arm64", bun: "bun-darwin-arm64", executableSuffix: "" },
  { name: "windows-x64", bun: "bun-windows-x64-baseline", executableSuffix: ".exe" },
];

export type ProgramName = "dync" | "dync-server";
export const programs: readonly ProgramName[] = ["dync", "dync-server"];

/** The name of a released executable, for example `dync-linux-x64-musl` or `dync-server-windows-x64.exe`. */
export function releaseName(program: ProgramName, target: Target): string {
  return `${program}-${target.name}${target.executableSuffix}`;
}
