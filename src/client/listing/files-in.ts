// The files in a folder, for who sends each of them by itself.

import { join } from "node:path";
import type { DyncError } from "../../base/error.ts";
import { LeftOut } from "./left-out.ts";
import type { Selection } from "./selection.ts";
import { walk } from "./walk.ts";

/** What is in a folder. Paths begin with the folder's own, as it was given. */
export interface FilesIn {
  readonly files: readonly string[];
  /** What cannot be read, with the reason. */
  readonly unreadable: readonly { readonly path: string; readonly error: DyncError }[];
  readonly leftOut: LeftOut;
}

/**
 * What `selection` takes of `folder`. Throws `DyncError` ("source") where the folder cannot be read, and where there are links
 * and none shall be; the reason of `signal` when that aborts.
 */
export async function filesIn(folder: string, selection: Selection, signal: AbortSignal): Promise<FilesIn> {
  const files: string[] = [];
  const unreadable: { path: string; error: DyncError }[] = [];
  const leftOut = new LeftOut(folder, selection);
  for await (const piece of walk(folder, selection, signal)) {
    for (const found of piece) {
      const path = join(folder, found.path);
      if (found.type === "file") files.push(path);
      else if (found.type === "unreadable") unreadable.push({ path, error: found.error });
      else if (found.type === "left-out" || found.type === "junk") leftOut.note(found);
    }
  }
  if (leftOut.fault !== null) throw leftOut.fault;
  return { files, unreadable, leftOut };
}
