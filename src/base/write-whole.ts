// Files of the user's own that are whole or not there: written beside their place, and put into it by one step.

import { randomBytes } from "node:crypto";
import type { PathLike } from "node:fs";
import { open, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Writes `text` to `file`, over what is there, for its owner alone. Where it `isDurable`, what it holds is on the disk; its name is after
 * `syncFolder`. Where that cannot be, nothing changed. Throws the system's error.
 */
export async function writeWhole(
  file: string,
  text: string,
  { isDurable }: { readonly isDurable: boolean },
): Promise<void> {
  const draft = join(dirname(file), `.${randomBytes(8).toString("hex")}.tmp`);
  try {
    await writeFile(draft, text, { flag: "wx", mode: 0o600, flush: isDurable });
    await rename(draft, file);
  } catch (error) {
    // What cannot be cleared up must not hide why.
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

/** Makes the entries of `folder` durable. Windows has no handle of a folder that could be synced. Throws the system's error. */
export async function syncFolder(folder: PathLike): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
