// What a file of the system cannot hold, however it is written.

import { DyncError } from "../base/error.ts";

/** `text` has something that `system` has no way to write. */
export class Unwritable extends DyncError {
  constructor(system: string, text: string, what: string) {
    super("configuration", `${system} cannot run "${text}": ${what}`, {
      hint: "move dync, or DYNC_HOME, to a path without it",
    });
  }
}
