// What the runtime says by itself, before any code of ours runs: in a folder that was deleted it ends with a text of its
// own. This puts ours in its place, in the executable. Called by compile.ts for Linux; the executables for macOS are
// signed, and on Windows nobody can delete the folder that a program is in.

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { DyncError } from "../src/base/error.ts";

const runtimeText =
  "The current working directory was deleted, so that command didn't work. Please cd into a different directory and try again.";
const found = "The current folder was deleted";
const advice = "change to one that is there, and give the command again";

/** The runtime's two forms of the text, without and with colours, and what `program` is to say in their place. */
function replacements(program: string): readonly (readonly [string, string])[] {
  const hint = `\n${program}: hint: ${advice}`;
  return [
    [`error: ${runtimeText}`, `${program}: error: ${found}${hint}`],
    [
      `\x1b[0m\x1b[31merror\x1b[0m\x1b[2m:\x1b[0m ${runtimeText}`,
      `\x1b[0m${program}: \x1b[31merror:\x1b[0m ${found}${hint}`,
    ],
  ];
}

/**
 * Changes the executable at `path`. Throws `DyncError` ("failed") when the runtime does not have the text: a newer
 * one says something else, or nothing any more.
 */
export function replaceRuntimeWords(path: string, program: string): void {
  const bytes = readFileSync(path);
  const file = openSync(path, "r+");
  try {
    for (const [old, ours] of replacements(program)) {
      const at = bytes.indexOf(old);
      const isOnce = at >= 0 && bytes.indexOf(old, at + 1) < 0;
      if (!isOnce || ours.length > old.length) {
        throw new DyncError("failed", `The runtime's text for a deleted folder is not where it was: ${old}`);
      }
      // The runtime knows the length, so ours has to have it too.
      writeSync(file, Buffer.from(ours.padEnd(old.length)), 0, old.length, at);
    }
  } finally {
    closeSync(file);
  }
}
