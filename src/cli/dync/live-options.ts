// The options of `dync send` about a run that is sent while it is written: --live, --complete-on, --profile and --settle.

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
import { chosenProfile, isProfileFile } from "./watch-profiles.ts";

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
    const alone = ["complete-on", "profile", "settle"].find(isGiven);
    if (alone === undefined) return [];
    return [
      fault(`${optionText(alone)} needs "--live"`, "it is about a run that is sent while it is written"),
    ];
  }
  const beside = notBeside.find(isGiven);
  const soon = notNow.find(isGiven);
  return [
    ...endFaults(isGiven("complete-on"), isGiven("profile")),
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

/** One thing, and one alone, says when the run is over. */
function endFaults(hasSign: boolean, hasProfile: boolean): readonly DyncError[] {
  if (hasSign !== hasProfile) return [];
  const [text, hint] = hasSign
    ? [
        'Options "--complete-on" and "--profile" both say when the run is over',
        "leave one of them away; a profile may be a file of your own",
      ]
    : [
        'Option "--live" needs "--complete-on" or "--profile"',
        "name the file that is there when the run is over: --complete-on CopyComplete.txt",
      ];
  return [new DyncError("usage", text, { hint })];
}

/** How a run is followed. */
export interface Followed {
  readonly follow: Follow;
  /** What of it is never sent, as patterns of `client/listing/pattern.ts`. */
  readonly junk: readonly string[];
}

/** How a run is followed; `null`: nothing is sent live. Rejects with `DyncError` ("usage"; "configuration": a profile that somebody wrote). */
export async function readFollowed(
  values: Pick<SendValues, "live" | "complete-on" | "profile" | "settle">,
): Promise<Followed | null> {
  const { live, "complete-on": glob, profile, settle } = values;
  if (!live) return null;
  if (profile !== undefined) return await followedAsProfile(profile, settle);
  return glob === undefined ? null : await followedToSign(glob, settle);
}

async function followedAsProfile(text: string, settle: string | undefined): Promise<Followed> {
  const { name, unit, settleMs: usual, junkPatterns } = await chosenProfile(text, undefined);
  if (unit !== "folder") {
    const message = `The profile "${printable(name)}" does not go with "--live"`;
    throw new DyncError("usage", message, { hint: `of that instrument each ${unit} is sent as one` });
  }
  const settleMs = readSettle(settle, usual);
  // A later process may be started elsewhere.
  const profile = isProfileFile(text) ? resolve(text) : text;
  return { follow: followOf(settleMs, { profile, completeOn: null }), junk: junkPatterns };
}

async function followedToSign(glob: string, settle: string | undefined): Promise<Followed> {
  const settleMs = readSettle(settle);
  // It reads regular expressions, which nothing else of a usual start needs.
  const { pathGlob } = await import("../../watch/path-glob.ts");
  try {
    pathGlob(glob);
  } catch (cause) {
    const text = `${optionText("complete-on")} "${printable(glob)}" ${messageOf(cause)}`;
    throw new DyncError("usage", text, { cause, hint: 'write it as "CopyComplete.txt", or "logs/*.done"' });
  }
  return { follow: followOf(settleMs, { profile: null, completeOn: glob }), junk: [] };
}

function followOf(settleMs: number, how: Pick<Follow, "profile" | "completeOn">): Follow {
  return { settleMs, runSettleMs: settleMs, ...how, isAsItIs: false };
}

/** The job of a folder, sent while it is written. */
export function asLive(job: Job, { follow, junk }: Followed): Job {
  if (job.origin.kind !== "dataset") return job;
  const { path } = job.origin;
  const selection = { ...job.origin.selection, exclude: [...job.origin.selection.exclude, ...junk] };
  const run = { path: resolve(path), selection, follow: JSON.stringify(follow) };
  return { ...job, origin: { kind: "live", ...run } };
}
