// What who follows a run that is still being written tells who sends it: the contract between both. `live-source.ts` asks for steps, writes
// each down before anything of it is sent, and reads the files.

import { DyncError } from "../../base/error.ts";
import type { Selection } from "../listing/selection.ts";

/** A file or a folder of a run, as it was when it was looked at. */
export type LiveEntry =
  | {
      readonly type: "file";
      /** Bytes. */
      readonly size: number;
      /** When it was last modified: nanoseconds since 1970, as text. */
      readonly modified: string;
      readonly executable: boolean;
      /** The number of the file on its drive (inode), as text. */
      readonly fileId: string;
    }
  | { readonly type: "folder"; readonly modified: string };

/** What comes next in the stream. Paths are relative to the run, with "/" between their parts. */
export type LiveStep =
  /**
   * It is there from here on. A path of which some system takes an earlier one for the same, and one that was of the other type, have to
   * be removed first.
   */
  | { readonly kind: "member"; readonly path: string; readonly entry: LiveEntry }
  /** A file, or a folder with all below it, is as if it had never come. What never came is passed over. */
  | { readonly kind: "removed"; readonly path: string }
  /** The sign of the end is there, and all was given as it is now. Void, and to be given again later, when `changed` is called behind it. */
  | { readonly kind: "end" }
  /** Nothing follows before somebody decides: what was sent is kept on the server, unpublished. */
  | { readonly kind: "aborted"; readonly reason: BadEnd; readonly why: string };

/** How a run ends that is not to be stored before somebody decides; `watch/wait-reason.ts` has the same names. */
export type BadEnd = "run-failed" | "run-aborted" | "hash-mismatch";

export interface LiveFeed {
  /**
   * The next step, or undefined when there is none now; never waits. What was given before need not have been read. The end is given as often
   * as it is asked for, until it is void.
   */
  next(): LiveStep | undefined;
  /** Resolves when there may be another one. Rejects with the reason of `signal` when that aborts. */
  more(signal: AbortSignal): Promise<void>;
  /**
   * A member that was given is another one by now, or is gone: what was sent of it is of no use, and it has to be given again or
   * removed before the end. Also called of what an earlier process found so.
   */
  changed(path: string): void;
  /** The server has the first `count` steps, those of earlier processes among them. */
  stored(count: number): void;
  /** Nobody asks any more. */
  close(): Promise<void>;
}

/** A run that is sent while it is written. */
export interface LiveRun {
  /** The folder. */
  readonly path: string;
  /** What of it is sent, also where the server takes no run that grows, and it goes as a dataset when it is complete. */
  readonly selection: Selection;
  /** How it is followed: a text that only who opens the feed writes and reads, by which a later process goes on in the same way. */
  readonly follow: string;
}

/**
 * Opens the feed of a run. `steps` are those that were given before, in their order; `onNote` tells the user something. Rejects with
 * `DyncError`, such as "source" where the folder cannot be read.
 */
export type OpenFeed = (
  run: LiveRun,
  steps: Iterable<LiveStep>,
  signal: AbortSignal,
  onNote: (text: string) => void,
) => Promise<LiveFeed>;

const badEnds: Readonly<Record<BadEnd, string>> = {
  "run-failed": "failed",
  "run-aborted": "was aborted",
  "hash-mismatch": "is not what the instrument's own checksums say",
};

/** A run ended otherwise than it should: what was sent is kept. */
export class RunAborted extends DyncError {
  readonly reason: BadEnd;
  readonly why: string;

  constructor(
    folder: string,
    { reason, why }: Pick<Extract<LiveStep, { kind: "aborted" }>, "reason" | "why">,
  ) {
    const hint =
      "what was sent is kept, unpublished: dync resume --complete stores it as it is, dync cancel drops it";
    super("source", `The run in "${folder}" ${badEnds[reason]}: ${why}`, { hint });
    this.reason = reason;
    this.why = why;
  }
}
