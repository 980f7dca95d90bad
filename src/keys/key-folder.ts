// What lies in the folder of authorised keys, each file by itself: one that cannot be looked at is a fault of that
// file and of no other. Only a folder that cannot be listed or entered is a fault of the folder.

import { accessSync, constants, lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, systemCode } from "../base/error.ts";

const keySuffix = ".key";

/** Where the keys of those are who may send, of a server with this `DYNC_HOME`. */
export function clientsFolder(home: string): string {
  return join(home, "clients");
}

const linkFaults: Readonly<Record<string, string>> = {
  ENOENT: "that leads nowhere",
  ELOOP: "that leads in a circle",
  ENOTDIR: "that leads through a file",
  EACCES: "into a folder that may not be entered",
};

export interface ListedFile {
  readonly name: string;
  /** Changes whenever the file does. */
  readonly signature: string;
  /** Why it cannot be a key file, the end of a sentence, or `null`: it has to be read. */
  readonly fault: string | null;
  readonly inode: string;
  /** Calendar time in ms; where the file system does not keep it, when the file was last changed. */
  readonly madeAt: number;
}

/** The folder itself cannot be listed or entered. */
export class FolderFault extends Error {
  readonly isMissing: boolean;

  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.isMissing = systemCode(cause) === "ENOENT";
  }
}

/**
 * All files of `folder` but hidden ones, by name; folders only where they are called like a key.
 *
 * @throws FolderFault
 */
export function listKeyFolder(folder: string): readonly ListedFile[] {
  const listed: ListedFile[] = [];
  // Synchronous on purpose: a few hundred `stat` calls take less time this way than handing them out does.
  for (const name of namesIn(folder)) {
    const file = lookAt(folder, name);
    if (file !== null) listed.push(file);
  }
  return listed;
}

/** The user that the name of a key file stands for: `USER.key`, or `USER+WHATEVER.key` for each further key. */
export function userOfFile(name: string): string {
  const stem = name.slice(0, -keySuffix.length);
  const plus = stem.indexOf("+");
  return plus > 0 ? stem.slice(0, plus) : stem;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch (error) {
    throw new FolderFault(error);
  }
}

/** `null`: it is gone, or nobody could mean it as a key. */
function lookAt(folder: string, name: string): ListedFile | null {
  const path = join(folder, name);
  let properties: Stats;
  try {
    const own = lstatSync(path, { throwIfNoEntry: false });
    if (own === undefined) return null;
    properties = own;
  } catch (error) {
    refuseLockedFolder(folder);
    return faulty(name, messageOf(error));
  }
  if (!name.endsWith(keySuffix)) return properties.isDirectory() ? null : faulty(name, nameFault(name));
  if (!properties.isSymbolicLink()) return listedFile(name, properties);
  try {
    return listedFile(name, statSync(path));
  } catch (error) {
    const code = systemCode(error) ?? "";
    return faulty(name, `it is a link ${linkFaults[code] ?? `that cannot be followed: ${messageOf(error)}`}`);
  }
}

/** Where no file can be looked up, that says nothing about any of them. */
function refuseLockedFolder(folder: string): void {
  try {
    accessSync(folder, constants.X_OK);
  } catch (error) {
    throw new FolderFault(error);
  }
}

function listedFile(name: string, properties: Stats): ListedFile {
  const { dev, ino, size, mtimeMs, ctimeMs, birthtimeMs } = properties;
  return {
    name,
    signature: `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`,
    fault: null,
    inode: `${dev} ${ino}`,
    madeAt: birthtimeMs > 0 ? birthtimeMs : ctimeMs,
  };
}

function faulty(name: string, fault: string): ListedFile {
  return { name, signature: fault, fault, inode: "", madeAt: 0 };
}

function nameFault(name: string): string {
  if (name.endsWith(".key_secret")) return "it is a secret key, which belongs to its owner alone: remove it";
  return `its name does not end in "${keySuffix}"`;
}
