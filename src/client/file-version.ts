// Which version of a file it is: what is written down of it, and whether what is there now is the same. Pure.

import type { BigIntStats } from "node:fs";

/** What tells one version of a file from another. Times are nanoseconds as text: they do not fit a number. */
export interface FileVersion {
  readonly size: number;
  readonly modified: string;
  /** When content, name or permissions last changed; unlike `modified` it cannot be set. */
  readonly changed: string;
  /** Device and inode. */
  readonly fileId: string;
}

/** A version that was written down; the first versions of the program knew no time of change. */
export type KnownVersion = Omit<FileVersion, "changed"> & { readonly changed?: string | undefined };

/** Whether a file that is `now` there may be gone on with as the one that was `then` sent in part. */
export function isSameVersion(then: KnownVersion, now: KnownVersion): boolean {
  return (
    then.size === now.size &&
    then.modified === now.modified &&
    (then.changed === undefined || then.changed === now.changed) &&
    inodeOf(then) === inodeOf(now)
  );
}

/** Whether a file that is `now` there is, to all that can be told, what it was `then`. */
export function isEqual(then: FileVersion, now: FileVersion): boolean {
  return isSameVersion(then, now) && then.fileId === now.fileId;
}

/** The number of a file without its device: drives that were away and came back get another one. */
export function inodeOf({ fileId }: Pick<FileVersion, "fileId">): string {
  return fileId.slice(fileId.indexOf(":") + 1);
}

/** The version of the file that `stats` are of. */
export function versionOf(stats: BigIntStats): FileVersion {
  return {
    size: Number(stats.size),
    modified: stats.mtimeNs.toString(),
    changed: stats.ctimeNs.toString(),
    fileId: `${stats.dev}:${stats.ino}`,
  };
}
