// What FILE, --files-from and -r name: the paths of all that is to be sent.

import type { DyncError } from "../../base/error.ts";
import { filesIn } from "../../client/listing/files-in.ts";
import type { CommandContext } from "../command.ts";
import { readPathList } from "./path-list.ts";
import { readSelection } from "./selection-options.ts";
import type { SendValues } from "./send-options.ts";
import { isFolder } from "./what-is-there.ts";

export interface Paths {
  readonly paths: readonly string[];
  /** What lies in a folder and cannot be read. */
  readonly unreadable: readonly { readonly path: string; readonly error: DyncError }[];
}

/**
 * The paths behind `named`, which the command line has, and behind its options. Says what of a folder is left out. Throws
 * `DyncError`, and the signal's reason.
 */
export async function readPaths(
  named: readonly string[],
  values: SendValues,
  { output, signal }: Pick<CommandContext, "output" | "signal">,
): Promise<Paths> {
  const { "files-from": list, null: isNul, recursive } = values;
  const all = list === undefined ? named : [...named, ...readPathList(list, isNul)];
  if (!recursive) return { paths: all, unreadable: [] };
  const selection = readSelection(values);
  const paths: string[] = [];
  const unreadable: Paths["unreadable"][number][] = [];
  for (const path of all) {
    if (!isFolder(path)) {
      paths.push(path);
      continue;
    }
    const found = await filesIn(path, selection, signal);
    found.leftOut.tell((text) => output.say(text));
    // One by one: a call has room for some thousand arguments.
    for (const file of found.files) paths.push(file);
    for (const one of found.unreadable) unreadable.push(one);
  }
  return { paths, unreadable };
}
