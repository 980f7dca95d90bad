// Hears from the system that something in a folder changed. It only hurries the next look up: nothing depends on it, and where a system or
// a drive tells nothing, or too much, that is as well.

import { type FSWatcher, watch } from "node:fs";

/** Calls `hurry` when something in `folder` changes, as far as the system tells. Returns how to stop that. */
export function onFolderChange(folder: string, hurry: () => void): () => void {
  try {
    // Not what is below: on Linux that would take a handle for each folder.
    const watcher: FSWatcher = watch(folder, { persistent: false }, hurry);
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
}
