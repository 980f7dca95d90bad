// What of a folder is sent, as the user says it: patterns, what becomes of links, and whether junk is kept. Pure.

import { anyOf } from "./pattern.ts";

export interface Selection {
  /** Patterns (`pattern.ts`) of what is taken; without any, all. */
  readonly include: readonly string[];
  /** Patterns of what is not; they go over `include`. */
  readonly exclude: readonly string[];
  /** Symbolic links, and names of a file that another of its names was taken by (hard links). */
  readonly links: "follow" | "skip" | "fail";
  /** Whether what systems leave behind (`isJunk`) is kept. */
  readonly all: boolean;
}

/** What becomes of a path: `look`: nothing of its own, but a folder may hold something that is taken. */
export type Choice = "take" | "leave" | "look";

/** Answers what becomes of a path in a folder of which `inChosen` tells whether all is taken that is not excluded. */
export type Chooser = (path: string, isFolder: boolean, inChosen: boolean) => Choice;

/** The chooser of `selection`. `ignoreCase`: for systems on which "a.RAW" and "A.raw" are one file. */
export function chooserOf({ include, exclude }: Selection, ignoreCase: boolean): Chooser {
  const isExcluded = anyOf(exclude, ignoreCase);
  const isIncluded = anyOf(include, ignoreCase);
  return (path, isFolder, inChosen) => {
    if (isExcluded(path, isFolder)) return "leave";
    if (inChosen || isIncluded(path, isFolder)) return "take";
    return isFolder ? "look" : "leave";
  };
}
