// Paths as Windows takes them at any length. Used where a path comes from people and may be long: files to send, the
// data folder. Everywhere else a path is what it is.

import { toNamespacedPath } from "node:path";

/**
 * The same file, named so that Windows does not stop at 260 characters (`\\?\C:\…`): whether it would otherwise
 * depends on a setting of the machine. On other systems `path` itself.
 */
export function systemPath(path: string): string {
  return toNamespacedPath(path);
}
