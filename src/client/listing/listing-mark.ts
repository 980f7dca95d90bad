// By what a later process tells whether a folder is what was listed, and makes the same tar of it.

import type { EntryVersion } from "./versions.ts";

export interface ListingMark {
  /** SHA-256 (lower-case hex) over path, size, times and identity of each file, and the path of each folder. */
  readonly digest: string;
  /**
   * When each folder was modified, in order: nanoseconds since 1970 in eight bytes each, lowest first, as base64. They go into
   * the tar, and move whenever anything is put into the folder that is not sent.
   */
  readonly folderTimes: string;
  /** Bytes of the tar. */
  readonly size: number;
}

/** What the digest is over, of each file and folder in the order of a walk. */
export function fileText(
  path: string,
  {
    size,
    modified,
    changed,
    inode,
    executable,
  }: EntryVersion & { readonly size: number; readonly executable: boolean },
): string {
  return `file\0${path}\0${size}\0${modified}\0${changed}\0${inode}\0${executable}\n`;
}

/** The same of a folder. */
export function folderText(path: string): string {
  return `folder\0${path}\n`;
}
