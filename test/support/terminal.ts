// A terminal of 80 columns for end-to-end tests: what a program shows to somebody who sits before it.

import { join } from "node:path";

const python = "/usr/bin/python3";

/** Why there is no terminal here, for the name of a skipped test; `null` when there is. */
export const terminalMissing: string | null =
  process.platform !== "win32" && Bun.which(python) !== null ? null : "no Python for a terminal";

/** `command`, to be run by way of a program that gives it a terminal of 80 columns and 24 lines, and passes on what appears there. */
export function onTerminal(command: readonly string[]): readonly string[] {
  return [python, "-B", join(import.meta.dir, "terminal.py"), ...command];
}
