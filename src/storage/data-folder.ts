// The data folder before anything is stored in it: whether it is one that may be used, and what an earlier process left among the
// partials.

import { constants, type Stats } from "node:fs";
import { access, mkdir, open, opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import type { FileLock } from "../base/file-lock.ts";
import type { Logger } from "../base/log.ts";
import { systemPath } from "../base/system-path.ts";
import { dropboxSuffix, takeApart } from "./dropbox-staging.ts";
import { linkNew, removeFile } from "./durable-files.ts";
import { lookAt } from "./file-calls.ts";
import { lockFolder } from "./folder-lock.ts";
import type { PublishParts } from "./publish.ts";
import { stateFolder } from "./state-folder.ts";
import { trashSuffix } from "./trash.ts";

/** What is stored of an upload lies under its id. */
export const idPattern = /^[0-9a-f]{32}$/;

/** Throws `DyncError` ("configuration") unless files can go there. `isShared`: it is no data folder, but the storage of several servers. */
export async function checkDataFolder(folder: string, log: Logger, isShared = false): Promise<void> {
  const what = isShared ? `The storage ${folder}` : `The data folder ${folder}`;
  let properties: Stats;
  try {
    properties = await stat(folder);
  } catch (cause) {
    const isMissing = systemCode(cause) === "ENOENT";
    const text = isMissing ? `${what} does not exist` : `${what} cannot be used: ${messageOf(cause)}`;
    const hint = isShared
      ? "mount the file system that it is on, or make the folder there"
      : `mkdir -p '${folder}'`;
    throw new DyncError("configuration", text, { cause, ...(isMissing ? { hint } : {}) });
  }
  if (!properties.isDirectory()) {
    throw new DyncError("configuration", `${what} is not a folder`, {
      hint: `give the path of a folder with ${isShared ? "--storage" : "--data"}`,
    });
  }
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw notWritable(folder, cause);
  });
  if (process.platform !== "win32" && (properties.mode & 0o002) !== 0) {
    log.log("warn", "Everybody on this machine can write to the data folder", { folder });
  }
}

/**
 * Opens the folder for what a server keeps beside its uploads, where these go elsewhere, for this process alone.
 *
 * @throws DyncError "configuration" when it is not there, not writable, or used by another server.
 */
export async function openStateFolder(folder: string, log: Logger): Promise<FileLock> {
  await checkDataFolder(folder, log);
  const state = stateFolder(systemPath(folder));
  await makePrivateFolder(state);
  return lockFolder(join(state, "lock.sqlite"), folder);
}

/** Makes a folder for the server alone; one that is there has to be. Throws `DyncError` ("configuration"). */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return;
  } catch (cause) {
    if (systemCode(cause) !== "EEXIST") throw notWritable(folder, cause);
  }
  const properties = await lookAt(folder);
  if (!properties?.isDirectory()) throw new DyncError("configuration", `${folder} is not a folder`);
  if (process.platform === "win32") return;
  if (properties.uid !== process.getuid?.()) {
    throw new DyncError("configuration", `${folder} belongs to another user`, {
      hint: "run dync-server as the user it was first started as",
    });
  }
  if ((properties.mode & 0o077) !== 0) {
    throw new DyncError("configuration", `Others have access to ${folder}`, {
      hint: `chmod 700 '${folder}'`,
    });
  }
}

/**
 * Whether files can be linked in `partials`. Throws `DyncError` ("configuration") when none can be written there: not every
 * reason why not shows in the permissions. `tag` tells its names from those of others that do the same.
 */
export async function probeLinks(partials: string, clock: Clock, tag = ""): Promise<boolean> {
  const file = join(partials, `probe${tag}`);
  const second = join(partials, `probe${tag}-link`);
  try {
    await (await open(file, "w", 0o600)).close();
    await removeFile(second, clock);
    return await linkNew(file, second, clock).catch(() => false);
  } catch (cause) {
    throw notWritable(partials, cause);
  } finally {
    await removeFile(second, clock).catch(() => {});
    await removeFile(file, clock).catch(() => {});
  }
}

export type Leftovers = Pick<PublishParts, "partials" | "clock" | "trash">;

/** Removes what a process left among the partials that died while it cleared up; folders in the background. */
export async function removeLeftovers({ partials, clock, trash }: Leftovers): Promise<void> {
  // Without hard links the data of an upload may lie in one of these, and nowhere else.
  for await (const { name } of await opendir(partials))
    if (name.endsWith(dropboxSuffix)) await takeApart(partials, name.slice(0, -dropboxSuffix.length), clock);
  for await (const { name } of await opendir(partials)) {
    const id = name.slice(0, 32);
    if (name === id || !idPattern.test(id)) continue;
    if (name.endsWith(trashSuffix)) void trash.remove(join(partials, name));
    else if ((await lookAt(join(partials, id))) === null) await removeFile(join(partials, name), clock);
  }
}

function notWritable(folder: string, cause: unknown): DyncError {
  return new DyncError("configuration", `The folder ${folder} is not writable: ${messageOf(cause)}`, {
    cause,
    hint: "give dync-server a folder that its user may write to, with --data, or --storage where several servers share it",
  });
}
