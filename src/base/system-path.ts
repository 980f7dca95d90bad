// Paths as the system takes them. Used where a path comes from people and may be long, or not be text at all: files to
// send, the data folder. Everywhere else a path is what it is.

import { toNamespacedPath } from "node:path";
import { encodeLoosely, strayByte } from "./loose-utf8.ts";

/**
 * The same file, named so that Windows does not stop at 260 characters (`\\?\C:\…`): whether it would otherwise
 * depends on a setting of the machine. On other systems `path` itself.
 */
export function systemPath(path: string): string {
  return toNamespacedPath(path);
}

/** As `systemPath`, for a path that may have bytes which are not UTF-8, as `decodeLoosely` writes them. */
export function systemPathBytes(path: string): string | Buffer {
  return strayByte(path) === null ? systemPath(path) : Buffer.from(encodeLoosely(path));
}
