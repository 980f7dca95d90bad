// A signal that asks the program to stop, as the reason that commands are aborted with. Made by `run.ts`.

import { DyncError } from "../base/error.ts";

/** Exit status of a command that was interrupted. Where there are signals the process ends by the signal itself. */
export const exitInterrupted = 130;

export class Interruption extends DyncError {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super("cancelled", `Interrupted by ${signal}`);
    this.signal = signal;
  }
}
