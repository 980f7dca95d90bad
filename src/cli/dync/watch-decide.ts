// `dync watch --send ENTRY`, `--leave ENTRY` and `--wait ENTRY`: a person decides what becomes of an entry that is held back. It is written
// down beside what was sent of the folder; whoever watches it reads that with the next look.

import { realpathSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { DyncError } from "../../base/error.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { accountName } from "../../keys/hand-over-name.ts";
import { dyncHome } from "../../keys/key-files.ts";
import type { Decision } from "../../watch/decision.ts";
import { Decisions } from "../../watch/folder/decisions.ts";
import { isWatched, watchFolderOf } from "../../watch/folder/sent-memory.ts";
import type { CommandContext, Environment } from "../command.ts";
import { printable } from "../printable.ts";
import { readKnownServers } from "./known-servers.ts";
import { tellApart } from "./server-choice.ts";
import { isFolder, isThere } from "./what-is-there.ts";

const words = ["send", "leave", "wait"] as const;

/** The options and words of such a command. */
export interface DecisionValues {
  readonly send: readonly string[];
  readonly leave: readonly string[];
  /** It is as if nobody had decided. */
  readonly wait: readonly string[];
  readonly server?: string | undefined;
  readonly dir?: string | undefined;
}

/** Whether something is to be decided. */
export function isDecision(values: DecisionValues): boolean {
  return words.some((word) => values[word].length > 0);
}

interface Decisive {
  /** Absolute and real. */
  readonly folder: string;
  /** Paths from the folder on. */
  readonly entries: readonly { readonly path: string; readonly word: (typeof words)[number] }[];
}

/** What is decided in which folder. Throws `DyncError` ("usage"). */
export function readDecisions(values: DecisionValues, environment: Environment): Decisive {
  const folder = realpathSync(folderOf(values, environment));
  const entries = words.flatMap((word) =>
    values[word].map((text) => ({ path: pathOf(text, folder), word, text })),
  );
  for (const { path, text } of entries)
    if (entries.filter((it) => it.path === path).length > 1)
      throw new DyncError("usage", `What becomes of "${printable(text)}" is said twice`);
  return { folder, entries };
}

/** No server has a part in it: one that is named is passed over. */
function folderOf({ server, dir }: DecisionValues, environment: Environment): string {
  const given = [server, dir].filter((it) => it !== undefined);
  const { paths } = tellApart(given, readKnownServers(environment), isThere);
  const folder = paths.at(-1) ?? given.at(-1);
  if (folder === undefined)
    throw new DyncError("usage", "DIR is missing", { hint: "name the watched folder last" });
  if (isFolder(folder)) return resolve(folder);
  throw new DyncError("usage", `"${printable(folder)}" is no folder`, { hint: "DIR is the watched folder" });
}

/** The path of an entry from the folder on, where it is named so, or as a path from here. */
function pathOf(text: string, folder: string): string {
  const places = [resolve(folder, text), resolve(text)];
  const inside = places.filter((it) => it.startsWith(folder + sep));
  const at = inside.find((it) => isThere(it));
  if (at !== undefined) return relative(folder, realOf(at, folder)).split(sep).join("/");
  const hint = "name an entry as --explain does: by its path from the watched folder on";
  throw new DyncError("usage", `There is no "${printable(text)}" in ${printable(folder)}`, { hint });
}

/** Case as it is on the disk, where the system does not regard it. */
function realOf(at: string, folder: string): string {
  const real = realpathSync.native(systemPathBytes(at));
  return real.startsWith(folder + sep) ? real : at;
}

/** Notes what was decided, and says so. */
export function decide(values: DecisionValues, { environment, clock, output }: CommandContext): number {
  const { folder, entries } = readDecisions(values, environment);
  using decisions = Decisions.open(stateOf(folder, environment));
  const by = accountName(environment);
  const at = clock.date().toISOString();
  for (const { path, word } of entries) {
    const decision: Decision | null = word === "wait" ? null : word;
    decisions.decide(path, decision === null ? null : { decision, by, at });
    output.record("decision", { path, decision: word, by, at });
    output.result(`${printable(path)}: ${meanings[word]}`);
  }
  output.summarise({ folder, decided: entries.length });
  return 0;
}

/** Where is kept what is known of the folder. Throws `DyncError` where nobody would read what is written there. */
function stateOf(folder: string, environment: Environment): string {
  const home = resolve(dyncHome(environment));
  const state = watchFolderOf(home, folder);
  if (isWatched(state)) return state;
  const hint =
    'run this as the user of "dync watch", with the same DYNC_HOME, and name the folder that it watches';
  throw new DyncError("usage", `No dync with ${printable(home)} ever watched "${printable(folder)}"`, {
    hint,
  });
}

const meanings = {
  send: "is sent as soon as it is quiet, whatever its instrument says",
  leave: "is left alone",
  wait: "waits as if nobody had decided",
} as const;
