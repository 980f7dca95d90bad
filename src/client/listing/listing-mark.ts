// By what a later process tells whether a folder is what was listed, and makes the same tar of it.

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
