// Mode and group of what is published, where its rule wants others than every file gets.

import type { Dirent } from "node:fs";
import { chmod, chown, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Turns } from "../base/turns.ts";
import type { Manner } from "../upload/destination.ts";
import { changeGroup, changeMode, lookAt } from "./file-calls.ts";

type Wanted = Pick<Manner, "mode" | "group"> | undefined;

const ownerAll = 0o700;
const mayExecute = 0o111;

/** `mode`, with which who may read may also enter, or execute. */
function enterable(mode: number): number {
  return mode | ((mode & 0o444) >> 2);
}

function ownId(): number {
  return process.geteuid?.() ?? -1;
}

/** Gives an open file what `manner` wants of it, and else `mode` where that is not `null`. */
export async function settleFile(descriptor: number, manner: Wanted, mode: number | null): Promise<void> {
  if (process.platform === "win32") return;
  // The group first: changing it may take bits of the mode away.
  if (manner?.group !== undefined) await changeGroup(descriptor, ownId(), manner.group);
  const wanted = manner?.mode ?? mode;
  if (wanted !== null) await changeMode(descriptor, wanted);
}

/**
 * The same for what lies at `path`, a file or a folder: of one that is made for such files, who may read these may enter, and the server
 * may do all.
 */
export async function settleAt(path: string, manner: Wanted, isFolder: boolean): Promise<void> {
  if (manner?.group !== undefined) await chown(path, ownId(), manner.group);
  if (manner?.mode !== undefined)
    await chmod(path, isFolder ? ownerAll | enterable(manner.mode) : manner.mode);
}

/** The same for `folder` and all that is in it. What its owner may execute stays so, for all who may read it. */
export async function settleTree(folder: string, manner: Wanted, turns: Turns): Promise<void> {
  if (manner?.mode === undefined && manner?.group === undefined) return;
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await settleTree(path, manner, turns);
    else await settleMember(path, entry, manner);
    await turns.step();
  }
  await settleAt(folder, manner, true);
}

async function settleMember(path: string, entry: Dirent, manner: Manner): Promise<void> {
  const { mode } = manner;
  if (!entry.isFile()) return;
  const isProgram = mode !== undefined && (((await lookAt(path))?.mode ?? 0) & mayExecute) !== 0;
  await settleAt(path, isProgram ? { ...manner, mode: enterable(mode) } : manner, false);
}
