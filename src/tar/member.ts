// What a tar has inside: its members, the measures of the format, and what is said when one is broken. Pure.

/** Everything in a tar is a multiple of it; what a member's content leaves free of its last block is padding. */
export const blockBytes = 512;

/** Longest path and longest name in it (bytes of UTF-8) that is read or written: what Linux takes. */
export const pathBytesMax = 4096;
export const partBytesMax = 255;

/** From here on the file, or the folder with all below it, at `path` is as if it had never come. */
export interface Removal {
  readonly path: string;
  readonly type: "removed";
}

/** Key of the one record of a global pax header that says a `Removal`. */
export const removedKey = "DYNC.removed";

/** A file or a folder, as a dataset has them. */
export interface Member {
  /** Parts with "/" between them, relative to the dataset; a folder's has no "/" at its end. */
  readonly path: string;
  readonly type: "file" | "folder";
  /** Bytes of content; 0 for a folder. */
  readonly size: number;
  /** When the content was last modified (RFC 3339, UTC, down to the nanosecond), or `null` where nobody can tell. */
  readonly modified: string | null;
  /** Whether its owner may execute it; `false` for a folder. */
  readonly executable: boolean;
}

export type MemberType =
  | Member["type"]
  | "symbolic link"
  | "hard link"
  | "character device"
  | "block device"
  | "fifo";

/** What a tar that somebody else made says of a member. Nothing is judged: the path may lead anywhere. */
export interface FoundMember extends Omit<Member, "type"> {
  /**
   * As in the tar, without what changes nothing: "." and empty parts, and "/" at the end. It begins with "/" where it is
   * absolute, and is "." for the folder itself in which the tar is unpacked.
   */
  readonly path: string;
  readonly type: MemberType;
  /** Where a link leads to, as in the tar; "" for what is none. */
  readonly link: string;
}

/** A stream that is no tar, a damaged one, or one that cannot be unpacked for certain. The message is one line. */
export class TarFault extends Error {
  override readonly name = "TarFault";
}

/** Bytes from the end of `size` bytes to the next border of a block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}
