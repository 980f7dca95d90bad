// Where the folder of one upload is put together that the dropboxes of openBIS want, before it gets its name: `ID.openbis/NAME/`.

import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { moveFile } from "./durable-files.ts";
import { ensureFolder, lookAt } from "./file-calls.ts";

export const dropboxSuffix = ".openbis";

// As Python's `mkdtemp` makes it, which the original moves to its name: its owner alone, whatever the umask.
const folderMode = 0o700;

/** The folder, and the file with the data in it. */
export function stagedDropbox(partials: string, id: string, name: string) {
  const folder = join(partials, id + dropboxSuffix, name);
  return { folder, content: join(folder, name) };
}

/** Makes an empty one. */
export async function makeDropbox(partials: string, id: string, name: string): Promise<void> {
  const { folder } = stagedDropbox(partials, id, name);
  // One by one: where another server took the upload, nothing shall come to be where it was.
  for (const path of [dirname(folder), folder]) await ensureFolder(path, folderMode);
}

/**
 * Takes it apart, if it is there: its data are at `partials/id` afterwards, as before. What has its name already is not touched. Without
 * hard links they lie in it alone just before it gets its name.
 */
export async function takeApart(partials: string, id: string, clock: Clock): Promise<void> {
  const staging = join(partials, id + dropboxSuffix);
  if ((await lookAt(staging)) === null) return;
  const data = join(partials, id);
  for (const name of await readdir(staging)) {
    const { content } = stagedDropbox(partials, id, name);
    if ((await lookAt(data)) === null && (await lookAt(content)) !== null)
      await moveFile(content, data, clock);
  }
  // Five files at most, and none of them is the only one of its kind.
  await rm(staging, { recursive: true, force: true });
}
