// What this build is. The commit is put in by `build/` (`--define`), the version comes from package.json.

import packageJson from "../../package.json" with { type: "json" };
import { embeddedLibraryVersion, ownTarget } from "../transport/zmq/target.ts";

declare const DYNC_BUILD_COMMIT: string | undefined;

/** Version of dync, for example `0.1.0`. */
export const version: string = packageJson.version;

/** Commit that was built, or `development` in an uncompiled run. */
export const buildCommit: string = typeof DYNC_BUILD_COMMIT === "string" ? DYNC_BUILD_COMMIT : "development";

/** The line of `--version`. */
export function versionLine(program: string): string {
  const library = embeddedLibraryVersion();
  const parts = [buildCommit, ownTarget(), ...(library === null ? [] : [`libzmq ${library}`])];
  return `${program} ${version} (${parts.join(", ")})`;
}
