// One row of the table of what dync says: what was given, what the user reads, the exit status. Rows are data;
// `table.test.ts` runs them and says at its top how to add one.

import type { Lab } from "../../support/lab.ts";
import type { TempFolder } from "../../support/temp-folder.ts";

/** Where a row happens. */
export interface Place {
  readonly lab: Lab;
  /** Folder of the row's own: where its commands are typed. */
  readonly folder: TempFolder;
  /** The row's own DYNC_HOME, with the keys of user "alice". */
  readonly home: string;
  /** Closes something when the row is over, however it ends. */
  readonly defer: (close: () => Promise<void>) => void;
}

/** A whole line of output: a text, in which "..." stands for anything within the line, or a pattern. The line "..." alone stands for any lines. */
export type Line = string | RegExp | AnyNumber;

/** Lines of this pattern, as many as there are: such as progress, which comes the more often the longer it takes. */
export interface AnyNumber {
  readonly anyNumberOf: RegExp;
}

/** One command, and everything that it says. */
export interface Step {
  /** Typed into bash. */
  readonly type: string;
  /** Every line of standard output, in order; none when left out. */
  readonly stdout?: readonly Line[];
  /** Every line of standard error, in order; none when left out. */
  readonly stderr?: readonly Line[];
  /** Exit status of the shell (128 and the signal's number where a signal ended it); 0 when left out. */
  readonly exit?: number;
}

export interface Row {
  /** What was given, in words: "a FILE that is a folder". */
  readonly given: string;
  /** Files that are there, in the row's folder: their text, their bytes, or how many pseudo-random bytes they have. */
  readonly files?: Readonly<Record<string, string | Uint8Array | number>>;
  /** Set-up that is typed into bash and has to end with 0; what it prints does not count. */
  readonly first?: string;
  /** Set-up that takes code. */
  readonly before?: (place: Place) => Promise<void>;
  /** More of the environment of all steps. */
  readonly env?: Readonly<Record<string, string>>;
  /** More arguments of the server. Rows with the same ones share one server. */
  readonly server?: readonly string[];
  /** A server of the row's own, for rows that stop it or need its data folder empty. */
  readonly ownServer?: true;
  /** Both outputs are one terminal of 80 columns: what is left there is `stdout`, without colours and what was written over. */
  readonly terminal?: true;
  readonly steps: readonly Step[];
  /** What has to hold on the server or on disk afterwards. */
  readonly after?: (place: Place) => Promise<void>;
  /** Why the row cannot run on this machine (it is then skipped, and says so); `null` where it can. */
  readonly unless?: string | null;
}

/** Starts `command` ($! is its process), and does `then` when it first says something of the pattern `said`, wherever it says it. */
export const whenSaid = (command: string, said: string, then: string): string =>
  [
    "mkfifo said",
    `${command} > said 2>&1 &`,
    `while read -r line; do case $line in ${said}) [ -e once ] || { : > once; ${then}; } ;; esac; done < said`,
    "wait $! 2> /dev/null",
  ].join("\n");

/** Of `dync --json`, for `whenSaid`: the server has some of it. */
export const someSent = `*'"sent":'[1-9]*`;
