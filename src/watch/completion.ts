// What decides whether something in a watched folder is complete: what a rule may look at, and what it answers. A rule knows one
// kind of instrument; `genericRule` knows none, and lets the quiet decide. A rule keeps nothing between two calls.

import type { WaitReason } from "./wait-reason.ts";

/** One file in what may be sent, as a rescan saw it. */
export interface SeenFile {
  /** Relative to the entry, with "/" between its parts; "" where the entry is the file. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** When it was modified, as the file system says: to be compared with that of other files, not with a clock. */
  readonly mtimeMs: number;
  /** The same as long as it is the same file, whatever it is called. */
  readonly id: string;
}

/** A file or folder below the watched one, as a rescan saw it. */
export interface EntryView {
  readonly name: string;
  readonly kind: "file" | "folder";
  /**
   * All files whose path has at most `partsMax` parts, without it all; others may be among them. Sorted by path. What is in an entry is
   * listed when this is first asked for, and again where more of it is.
   */
  files(partsMax?: number): readonly SeenFile[];
  /** The names of what lies beside it in the same folder: sidecars, markers, other acquisitions. */
  siblings(): readonly string[];
  /** At most `max` bytes from the beginning of one of its files, or of a file beside it ("../name"); `null` if it cannot be read. */
  read(path: string, max: number): Promise<Uint8Array | null>;
}

export type Completion =
  /** The instrument is done with it, as `sign` says. */
  | {
      readonly type: "complete";
      readonly outcome: "finished" | "failed" | "aborted";
      readonly sign: string;
    }
  | { readonly type: "waits"; readonly reason: WaitReason; readonly detail: string }
  /** There is no sign to wait for: that it is quiet for long enough decides. */
  | { readonly type: "by-quiet" };

/** What decides for one kind of instrument. */
export interface CompletionRule {
  readonly name: string;
  /** Whether this is what is sent as one, rather than a folder with such things in it, or something else. */
  isUnit(view: EntryView): boolean;
  /** Whether what lies at this path, from the entry on, is never sent. */
  isJunk(path: string): boolean;
  complete(view: EntryView): Promise<Completion>;
  /** The names of the files beside it that are one acquisition with it: none of them is sent before all are complete. Absent: there are none. */
  belonging?(view: EntryView): readonly string[];
}

/** Takes everything for a unit, and nothing for a sign. */
export const genericRule: CompletionRule = {
  name: "generic",
  isUnit: () => true,
  isJunk: () => false,
  complete: async () => ({ type: "by-quiet" }),
};
