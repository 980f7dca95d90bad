// Everything that is wrong with one command line, or a file of settings, reported at once: who mends one fault a try gives up before the last.

import { DyncError, SeveralErrors } from "../base/error.ts";

/** Several faults as one error. */
export class CommandLineError extends SeveralErrors {
  /** `all` has at least two. What no other command line can mend (a file that is not there) yields to what one can. */
  constructor(all: readonly DyncError[]) {
    const first = all.find((it) => it.code === "usage") ?? all[0]!;
    super(all, new DyncError(first.code, all.map((it) => it.message).join("; "), { hint: first.hint }));
  }
}

/** Throws what is in `faults`, if there is anything. */
export function throwFaults(faults: readonly DyncError[]): void {
  if (faults.length > 1) throw new CommandLineError(faults);
  if (faults[0] !== undefined) throw faults[0];
}

/** What `read` throws, as a list. */
export function faultsOf(read: () => unknown): readonly DyncError[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof CommandLineError) return error.all;
    if (error instanceof DyncError) return [error];
    throw error;
  }
}
