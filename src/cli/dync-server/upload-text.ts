// How uploads are named, by those who type commands and to those who read what came of them.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import { faultsOf } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { ids, type shownUploads } from "./upload-commands.ts";

type Shown = v.InferOutput<typeof shownUploads>;

/** An id as it was typed, or its beginning. Throws `DyncError` ("usage"). */
export function readId(text: string): string {
  const read = v.safeParse(ids, text.toLowerCase());
  if (read.success) return read.output;
  throw new DyncError("usage", `An id has up to 32 hexadecimal digits, found "${printable(text)}"`, {
    hint: '"dync-server uploads list" shows how ids begin',
  });
}

/** What is wrong with these as ids. */
export function idFaults(words: readonly string[]): readonly DyncError[] {
  return words.flatMap((id) => faultsOf(() => readId(id)));
}

export function uploadsText(count: number): string {
  return count === 1 ? "1 upload" : `${count} uploads`;
}

/** Where it lies, as a rule `USER/NAME`; with the user, where that does not say so. A dataset's ends as a folder's. */
export function nameOf({ user, path, dataset }: Pick<Shown, "user" | "path" | "dataset">): string {
  const where = `${path}${dataset === null ? "" : "/"}`;
  return printable(path.startsWith(`${user}/`) ? where : `${where} (${user})`);
}
