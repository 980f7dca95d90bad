// What the history knows of a folder: all that was sent of it to one server, each path as it was sent last.

import { isAtOrBelow, placeOf } from "../../base/path-place.ts";
import type { HistoryEntry } from "../history.ts";

/** An entry of something that has a path. */
export type SentEntry = HistoryEntry & { readonly path: string };

/**
 * Of `entries`, oldest first, those of what lies at `folder` (absolute) or below it and was sent to `server`, in the order of
 * their paths.
 */
export async function sentBelow(
  entries: AsyncIterable<HistoryEntry>,
  server: Pick<HistoryEntry, "host" | "port">,
  folder: string,
): Promise<readonly SentEntry[]> {
  const last = new Map<string, SentEntry>();
  for await (const entry of entries) {
    const { host, port, path } = entry;
    if (path === null || host !== server.host || port !== server.port) continue;
    if (isAtOrBelow(path, folder)) last.set(placeOf(path), { ...entry, path });
  }
  return [...last.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
