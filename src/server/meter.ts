// What a server tells of its work while it does it, for whoever counts and measures it. What happens to uploads as a whole is told
// to the audit log, and can be counted there.

export interface Meter {
  /** `bytes` more of an upload are stored that were not before. */
  stored(bytes: number): void;
  /** A complete upload got its name so many seconds after its last chunk came. */
  published(seconds: number): void;
}
