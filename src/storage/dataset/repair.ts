// Makes the files of a dataset what its journal says, after a crash or when some of it was cut off: what was set aside for a
// file that does not count any more comes back, and what nobody knows of goes.

import type { Dirent } from "node:fs";
import { opendir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Turns } from "../../base/turns.ts";
import { ensureFolder, moveEntry, nullWhenMissing } from "../file-calls.ts";
import type { MemberIndex } from "./member-index.ts";
import type { Parts } from "./tree.ts";

/** `files` came so far, those that were replaced among them. */
export async function repair(parts: Parts, index: MemberIndex, files: number, turns: Turns): Promise<void> {
  // A bag's own files are made when it is published.
  if (parts.content !== parts.tree)
    await removeOthers(parts.tree, (name) => join(parts.tree, name) === parts.content);
  const folders = await sweep(parts, index, "", turns);
  if (folders < index.folderCount()) await makeAll(parts, index, turns);
  await bringBack(parts, index, files, turns);
}

/** Makes the folders that are not there: some were taken out again by what does not count any more. */
async function makeAll({ content }: Parts, index: MemberIndex, turns: Turns): Promise<void> {
  for (let after = ""; ; ) {
    const page = index.folderPaths(after);
    for (const path of page) {
      await makeWithin(content, path);
      await turns.step();
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

// Level by level: where another server took the upload, nothing shall come to be where it was.
async function makeWithin(content: string, path: string): Promise<void> {
  let folder = content;
  for (const name of path.split("/")) {
    folder = join(folder, name);
    await ensureFolder(folder);
  }
}

async function bringBack(
  { content, replaced }: Parts,
  index: MemberIndex,
  files: number,
  turns: Turns,
): Promise<void> {
  for await (const { name } of entriesOf(replaced)) {
    await turns.step();
    const number = Number(name);
    const path = index.pathOf(number);
    if (path !== null) await moveEntry(join(replaced, name), join(content, path));
    else if (number >= files) await rm(join(replaced, name), { force: true });
  }
}

/** Removes everything below the folder `path` of the dataset that is no member of it. Resolves to how many folders are there then. */
async function sweep(parts: Parts, index: MemberIndex, path: string, turns: Turns): Promise<number> {
  let folders = 0;
  for await (const entry of entriesOf(join(parts.content, path))) {
    await turns.step();
    const member = path === "" ? entry.name : `${path}/${entry.name}`;
    const holder = index.holder(member);
    const isKnown = holder?.path === member && (holder.number === null) === entry.isDirectory();
    if (!isKnown) await rm(join(parts.content, member), { recursive: true, force: true });
    else if (entry.isDirectory()) folders += 1 + (await sweep(parts, index, member, turns));
  }
  return folders;
}

async function removeOthers(folder: string, isWanted: (name: string) => boolean): Promise<void> {
  for await (const { name } of entriesOf(folder))
    if (!isWanted(name)) await rm(join(folder, name), { recursive: true, force: true });
}

/** What is in `folder`; nothing where it is not there. */
async function* entriesOf(folder: string): AsyncGenerator<Dirent> {
  const opened = await opendir(folder).catch(nullWhenMissing);
  if (opened !== null) yield* opened;
}
