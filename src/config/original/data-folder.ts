// One data folder for all places that the original had anywhere.

import { basename, dirname, relative } from "node:path/posix";

/** Where places are, below one folder. */
export interface Folders {
  /** Absolute path of the data folder. */
  readonly data: string;
  /** A place of the original, an absolute path, as a path below the data folder. */
  below(path: string): string;
  /** Whether that leads there only by a link that somebody has to make. */
  needsLink(path: string): boolean;
}

/** The innermost folder that has all of `paths` in it; where there is none but the root, `otherwise`, with links to what is elsewhere. */
export function foldersOf(paths: readonly string[], otherwise: string): Folders {
  const [first = otherwise, ...others] = paths.map((it) => dirname(it));
  const common = others.reduce((folder, other) => commonFolder(folder, other), first);
  const data = common === "/" || paths.length === 0 ? otherwise : common;
  const inside = paths.filter((it) => isBelow(it, data)).map((it) => relative(data, it).split("/")[0] ?? "");
  const links = new Map<string, string>();
  for (const path of new Set(paths))
    if (!isBelow(path, data)) links.set(path, unusedName(path, [...inside, ...links.values()]));
  return {
    data,
    below: (path) => links.get(path) ?? relative(data, path),
    needsLink: (path) => links.has(path),
  };
}

function commonFolder(a: string, b: string): string {
  let folder = a;
  while (folder !== "/" && folder !== b && !isBelow(b, folder)) folder = dirname(folder);
  return folder;
}

function isBelow(path: string, folder: string): boolean {
  return folder === "/" ? path !== "/" : path.startsWith(`${folder}/`);
}

const nameLengthMax = 60;

/** The last part of `path`, with a number where `used` has it already. */
export function unusedName(path: string, used: readonly string[]): string {
  const name = basename(path).slice(0, nameLengthMax) || "files";
  for (let number = 1; ; number++) {
    const numbered = number === 1 ? name : `${name} ${number}`;
    if (!used.includes(numbered)) return numbered;
  }
}
