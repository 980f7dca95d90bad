// What this build is. Commit and target are put in by `build/` (`--define`), the version comes from package.json.

import packageJson from "../../package.json" with { type: "json" };

declare const DYNC_BUILD_COMMIT: string | undefined;
declare const DYNC_BUILD_TARGET: string | undefined;
declare const DYNC_BUILD_LIBZMQ: string | undefined;

/** Version of dync, for example `0.1.0`. */
export const version: string = packageJson.version;

/** The libzmq inside: that of the `zeromq` package, except on Windows; a test compares it with the library. */
export const libzmqVersion: string = typeof DYNC_BUILD_LIBZMQ === "string" ? DYNC_BUILD_LIBZMQ : "4.3.5";

/** Commit that was built, or `development` in an uncompiled run. */
export const buildCommit: string = typeof DYNC_BUILD_COMMIT === "string" ? DYNC_BUILD_COMMIT : "development";

/** System that was built for, for example `linux-x64`. */
export const buildTarget: string =
  typeof DYNC_BUILD_TARGET === "string" ? DYNC_BUILD_TARGET : `${process.platform}-${process.arch}`;

/** The line of `--version`. */
export function versionLine(program: string): string {
  return `${program} ${version} (${buildCommit}, ${buildTarget}, libzmq ${libzmqVersion})`;
}
