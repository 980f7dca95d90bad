// Replaces a small file that one process writes and others may read at any moment.

import { renameSync, writeFileSync } from "node:fs";

/** Puts `text` at `path`, for this user alone unless `mode` says otherwise: who reads it sees what was there before, or all of it. Throws what the system says. */
export function replaceFile(path: string, text: string, mode = 0o600): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}
