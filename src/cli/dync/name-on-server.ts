// Under which name a file is sent. Called by `send.ts`.

import { basename, resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { fileNameFault, suggestedFileName } from "../../base/file-name.ts";
import { encodeLoosely, strayByte } from "../../base/loose-utf8.ts";
import { tarSuffix } from "../../protocol/wire/stored-name.ts";
import { printable } from "../printable.ts";
import { shellWord } from "../shell-words.ts";
import { damageIn } from "../system-arguments.ts";

/**
 * `chosen` with `-n`, or the last part of `path`: where a file lay at home is nobody's business. Throws `DyncError`
 * ("usage") where that is no name; whether it is a good one is for the server to decide.
 */
export function nameOnServer(chosen: string | undefined, path: string | null): string {
  if (chosen !== undefined) return checkedName(chosen);
  if (path === null) {
    throw new DyncError("usage", "The data comes from standard input and has no name", {
      hint: "give it one with -n NAME",
    });
  }
  const name = basename(path);
  if (name === "" || name === "." || name === "..") {
    throw new DyncError("usage", `"${printable(path)}" is no name of a file`, {
      hint: "give one with -n NAME",
    });
  }
  const damage = damageIn(name);
  if (damage === null) return name;
  throw new DyncError("usage", `The name of "${printable(path)}" has ${damage}`, {
    hint: `send it under another name: -n ${shellWord(suggestedFileName(readAsWindows1252(name)))}`,
  });
}

/**
 * Under which name the dataset of the folder at `path` is sent: as a tar, which a server that unpacks calls as the folder, or as
 * `chosen`. As `nameOnServer`.
 */
export function datasetNameOnServer(chosen: string | undefined, path: string): string {
  if (chosen?.endsWith(tarSuffix) === true) return nameOnServer(chosen, null);
  // Of "." and "..", too, the name is known.
  return `${nameOnServer(chosen, resolve(path))}${tarSuffix}`;
}

/** Throws `DyncError` ("usage") unless `name` says that it is a tar, as which a server that unpacks nothing stores it. */
export function expectTarName(name: string): void {
  if (name.endsWith(tarSuffix) && name !== tarSuffix) return;
  const hint = `write -n ${shellWord(suggestedFileName(`${name.replace(/\.[^.]*$/, "") || "run"}${tarSuffix}`))}`;
  throw new DyncError(
    "usage",
    `Option "--unpack" needs a name that ends in "${tarSuffix}", found "${printable(name)}"`,
    {
      hint,
    },
  );
}

/** Folders in a name would be dropped, or climbed out of: the server has none below a user's. */
function checkedName(name: string): string {
  const last = name.split(/[/\\]/).findLast((part) => part !== "");
  if (last === name) return name;
  const hint =
    last === undefined ? "give the name of a file" : `write -n ${shellWord(suggestedFileName(last))}`;
  throw new DyncError("usage", `Option "-n" needs a name without folders, found "${printable(name)}"`, {
    hint,
  });
}

/** The hint for a name that the server refused, or `null` where the name is not to blame. */
export function otherNameHint(name: string): string | null {
  if (fileNameFault(name) === null) return null;
  return `send it under another name: -n ${shellWord(suggestedFileName(name))}`;
}

/** What such names mostly are: written by a Windows of old. */
function readAsWindows1252(name: string): string {
  return strayByte(name) === null ? name : new TextDecoder("windows-1252").decode(encodeLoosely(name));
}
