// The options of `dync send` about a run that is sent while it is written: --live, --complete-on and --settle.

import { resolve } from "node:path";
import { DyncError, messageOf } from "../../base/error.ts";
import type { Job } from "../../client/job.ts";
import type { Follow } from "../../watch/live/follow.ts";
import type { CommandLine } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText } from "../option-value.ts";
import { printable } from "../printable.ts";
import type { SendValues } from "./send-options.ts";
import { readSettle } from "./watch-options.ts";

const notBeside = ["unpack", "recursive", "files-from", "stdin-from-command", "stdin-jobs"] as const;
const notNow = ["dry-run", "skip-identical"] as const;

/** What is wrong with them, whatever the FOLDER is. */
export function liveFaults({
  values,
  switches,
}: Pick<CommandLine, "values" | "switches">): readonly DyncError[] {
  const isGiven = (name: string): boolean => values[name] !== undefined || switches.includes(name);
  const fault = (text: string, hint: string): DyncError => new DyncError("usage", text, { hint });
  if (!switches.includes("live")) {
    const alone = ["complete-on", "settle"].find(isGiven);
    if (alone === undefined) return [];
    return [
      fault(`${optionText(alone)} needs "--live"`, "it is about a run that is sent while it is written"),
    ];
  }
  const beside = notBeside.find(isGiven);
  const soon = notNow.find(isGiven);
  return [
    ...(values["complete-on"] === undefined
      ? [
          fault(
            'Option "--live" needs "--complete-on"',
            "name the file that is there when the run is over: --complete-on CopyComplete.txt",
          ),
        ]
      : []),
    ...(beside === undefined
      ? []
      : [
          fault(`Options "--live" and "--${beside}" are both given`, "--live sends one FOLDER as one upload"),
        ]),
    ...(soon === undefined
      ? []
      : [
          fault(
            `Options "--live" and "--${soon}" are both given`,
            "what the run will be is known at its end alone",
          ),
        ]),
    ...faultsOf(() => readSettle(values.settle?.[0])),
  ];
}

/** How a run is followed; `null`: nothing is sent live. Rejects with `DyncError` ("usage"). */
export async function readFollowed(
  values: Pick<SendValues, "live" | "complete-on" | "settle">,
): Promise<Follow | null> {
  const { live, "complete-on": glob } = values;
  if (!live || glob === undefined) return null;
  const settleMs = readSettle(values.settle);
  // It reads regular expressions, which nothing else of a usual start needs.
  const { pathGlob } = await import("../../watch/path-glob.ts");
  try {
    pathGlob(glob);
  } catch (cause) {
    const text = `${optionText("complete-on")} "${printable(glob)}" ${messageOf(cause)}`;
    throw new DyncError("usage", text, { cause, hint: 'write it as "CopyComplete.txt", or "logs/*.done"' });
  }
  return { settleMs, runSettleMs: settleMs, profile: null, completeOn: glob, isAsItIs: false };
}

/** The job of a folder, sent while it is written. */
export function asLive(job: Job, follow: Follow): Job {
  if (job.origin.kind !== "dataset") return job;
  const { path, selection } = job.origin;
  const run = { path: resolve(path), selection, follow: JSON.stringify(follow) };
  return { ...job, origin: { kind: "live", ...run } };
}
