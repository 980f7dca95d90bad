// The options that say what of a folder is sent: --include, --exclude, --links and --all.

import { DyncError } from "../../base/error.ts";
import { patternFault } from "../../client/listing/pattern.ts";
import type { Selection } from "../../client/listing/selection.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText } from "../option-value.ts";
import { printable } from "../printable.ts";
import { linkPolicies } from "./send-options.ts";

interface SelectionValues {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly links?: string | undefined;
  readonly all: boolean;
}

/** The selection behind the values of the options. Throws `DyncError` ("usage"). */
export function readSelection({ include, exclude, links = "skip", all }: SelectionValues): Selection {
  const policy = linkPolicies.find((one) => one === links);
  if (policy === undefined) {
    const text = `${optionText("links")} needs follow, skip or fail, found "${printable(links)}"`;
    throw new DyncError("usage", text, { hint: "skip, the default, names links and leaves them out" });
  }
  return {
    include: include.map((pattern) => readPattern("include", pattern)),
    exclude: exclude.map((pattern) => readPattern("exclude", pattern)),
    links: policy,
    all,
  };
}

/** What is wrong with the options that say what of a folder is sent. */
export function selectionFaults(
  values: Readonly<Record<string, readonly string[] | undefined>>,
  switches: readonly string[],
): readonly DyncError[] {
  const names = ["include", "exclude", "links", "all"];
  const given = names.find((name) => values[name] !== undefined || switches.includes(name));
  // A job may be a dataset.
  const areFolders = ["dataset", "live", "recursive", "stdin-jobs"].some((name) => switches.includes(name));
  if (given !== undefined && !areFolders) {
    const hint = "it is about a folder: all of it as one upload (--dataset), or its files one by one (-r)";
    return [new DyncError("usage", `${optionText(given)} needs "--dataset" or "-r"`, { hint })];
  }
  const none: readonly string[] = [];
  const { include = none, exclude = none, links = none } = values;
  return [
    ...include.flatMap((pattern) => faultsOf(() => readPattern("include", pattern))),
    ...exclude.flatMap((pattern) => faultsOf(() => readPattern("exclude", pattern))),
    ...faultsOf(() => readSelection({ include: [], exclude: [], links: links[0], all: false })),
  ];
}

function readPattern(option: "include" | "exclude", text: string): string {
  // There nobody can mean a character that is written "\*".
  const pattern = process.platform === "win32" ? text.replaceAll("\\", "/") : text;
  const fault = patternFault(pattern);
  if (fault === null) return pattern;
  throw new DyncError("usage", `The pattern "${printable(text)}" of --${option} ${fault.text}`, {
    hint: fault.hint,
  });
}
