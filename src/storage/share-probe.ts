// Whether a file system does what servers rely on that share a folder of it. Tried at the start, with files of its own that are gone again
// afterwards: what one promises by its name, another one of that name may not keep, and how it is mounted counts as well.

import { constants } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { syncFolder } from "./durable-files.ts";
import {
  closeFile,
  fsync,
  linkFile,
  lookAt,
  makeFolder,
  moveEntry,
  openFile,
  writeAll,
} from "./file-calls.ts";

/** What is asked of the file system. */
export interface ShareCalls {
  link(from: string, to: string): Promise<void>;
  move(from: string, to: string): Promise<void>;
  isThere(path: string): Promise<boolean>;
  sync(descriptor: number): Promise<void>;
  syncFolder(folder: string): Promise<void>;
}

const systemCalls: ShareCalls = {
  ...{ link: linkFile, move: moveEntry, sync: fsync, syncFolder },
  isThere: async (path) => (await lookAt(path)) !== null,
};

const openNewFile = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;

/**
 * Tries it in `partials`, under names with `tag`, which nobody else has; `folder` is what an error speaks of.
 *
 * @throws DyncError "configuration" with the first thing that it does not do.
 */
export async function trySharing(
  folder: string,
  partials: string,
  tag: string,
  calls: ShareCalls = systemCalls,
): Promise<void> {
  const [before, after] = [join(partials, `probe${tag}.1`), join(partials, `probe${tag}.2`)];
  const [file, second] = [join(before, "file"), join(before, "second")];
  const must = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (cause) {
      throw cannotShare(folder, `${what} (${systemCode(cause) ?? messageOf(cause)})`, cause);
    }
  };
  let descriptor: number | null = null;
  try {
    await makeFolder(before, 0o700);
    descriptor = await openFile(file, openNewFile, 0o600);
    const open = descriptor;
    await writeAll(open, Buffer.from("x"));
    await must("does not make a file durable", () => calls.sync(open));
    await must("does not make a folder durable", () => calls.syncFolder(before));
    await must("has no hard links", () => calls.link(file, second));
    if (await isDone(() => calls.link(file, second), "EEXIST"))
      throw cannotShare(folder, "gives a name that is taken to another file");
    await must("does not move a folder in which a file is open", () => calls.move(before, after));
    if (!(await calls.isThere(join(after, "file"))) || (await calls.isThere(file)))
      throw cannotShare(folder, "shows the files of a folder that was moved where they were");
    if (await isDone(() => calls.move(before, after), "ENOENT"))
      throw cannotShare(folder, "moves a folder twice");
    await must("writes nothing to a file whose folder was moved", () => writeAll(open, Buffer.from("y")));
  } finally {
    if (descriptor !== null) await closeFile(descriptor);
    for (const path of [before, after]) await rm(path, { recursive: true, force: true });
  }
}

/** Whether `work` does not end with this error of the system's, as it is to. */
async function isDone(work: () => Promise<void>, wanted: string): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (systemCode(error) === wanted) return false;
    throw error;
  }
}

function cannotShare(folder: string, why: string, cause?: unknown): DyncError {
  const text = `The file system of ${folder} ${why}: several servers cannot share it`;
  return new DyncError("configuration", text, {
    cause,
    hint: "have the storage on one that does, or in an object store",
  });
}
