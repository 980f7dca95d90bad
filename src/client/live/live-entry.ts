// What of a file or folder of a run is compared: the same where it is looked at and where it is read.

import type { BigIntStats } from "node:fs";
import { inodeOf, isExecutable } from "../listing/versions.ts";
import type { LiveEntry } from "./feed.ts";

/** What the system says of it. */
export function liveEntryOf(type: LiveEntry["type"], stats: BigIntStats): LiveEntry {
  const modified = stats.mtimeNs.toString();
  if (type === "folder") return { type, modified };
  const executable = isExecutable(stats);
  return { type, size: Number(stats.size), modified, executable, fileId: inodeOf(stats).toString() };
}
