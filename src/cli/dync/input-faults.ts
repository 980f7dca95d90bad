// What can be said before anything is done about data, or jobs, that come from a program and not from files. Part of
// `send-faults.ts`.

import { fstatSync, statSync } from "node:fs";
import { DyncError } from "../../base/error.ts";
import type { CommandLine } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { nameOnServer } from "./name-on-server.ts";

/** Options that say which files are meant. */
const fileOptions = ["files-from", "recursive", "dataset", "sidecars", "name-template", "metadata-from"];

/** What is wrong with a line on which the data is what another program writes. `files`: what stands behind SERVER. */
export function commandFaults(line: CommandLine, files: readonly string[]): readonly DyncError[] {
  const option = "--stdin-from-command";
  const faults = [...exclusionFaults(line, option, [...fileOptions, "stdin-jobs"])];
  const usage = `write ${option} -n NAME SERVER -- PROGRAM ARGUMENT...`;
  if (files[0] !== undefined)
    faults.push(new DyncError("usage", `FILE and "${option}" are both given`, { hint: usage }));
  if ((line.values.command ?? []).length === 0)
    faults.push(new DyncError("usage", `Option "${option}" needs a program behind "--"`, { hint: usage }));
  return [...faults, ...faultsOf(() => nameOnServer(line.values.name?.[0], null))];
}

/** What is wrong with a line on which jobs come from standard input. `files`: what stands behind SERVER. */
export function stdinJobsFaults(line: CommandLine, files: readonly string[]): readonly DyncError[] {
  const option = "--stdin-jobs";
  const faults = [...exclusionFaults(line, option, [...fileOptions, "name", "unpack", "dry-run"])];
  if (files[0] !== undefined) {
    const hint = "name files in the jobs";
    faults.push(new DyncError("usage", `FILE and "${option}" are both given`, { hint }));
  }
  if (line.values.meta?.[0] === "-") {
    const hint = "name a file after -m";
    faults.push(new DyncError("usage", "Metadata and jobs cannot both come from standard input", { hint }));
  }
  return faults;
}

function exclusionFaults(
  { values, switches }: CommandLine,
  option: string,
  excluded: readonly string[],
): readonly DyncError[] {
  return excluded
    .filter((name) => values[name] !== undefined || switches.includes(name))
    .map((name) => {
      const hint = "give one of them";
      return new DyncError("usage", `Options "${option}" and "--${name}" are both given`, { hint });
    });
}

/** Whether standard input is `/dev/null`, as which one that is closed shows as well. */
export function isInputNull(): boolean {
  try {
    const input = fstatSync(0);
    return input.isCharacterDevice() && input.rdev === statSync("/dev/null").rdev;
  } catch {
    return false;
  }
}
