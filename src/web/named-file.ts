// Files that the configuration names for HTTP: certificates, keys, a token.

import { readFileSync } from "node:fs";
import { DyncError } from "../base/error.ts";
import { whyUnreadable } from "../base/system-errors.ts";

/** What is in the file at `path`. Throws `DyncError` ("configuration") where that cannot be read. */
export function readNamedFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new DyncError("configuration", `${path} cannot be read: ${whyUnreadable(cause)}`, { cause });
  }
}
