// The options of `dync watch`, and what they say. Everything that is wrong with them is said before anything is done.

import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { DyncError, messageOf } from "../../base/error.ts";
import { isAtOrBelow } from "../../base/path-place.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { NameTemplate } from "../../client/plan/name-template.ts";
import { parseCount } from "../../config/count.ts";
import { parseDuration } from "../../config/duration.ts";
import { type PathReader, readPathForm } from "../../watch/path-metadata.ts";
import { sharedOptions } from "../args.ts";
import type { CommandFaults, CommandLine, Environment, OptionsDef, OptionValues } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { metadataFaults } from "../metadata-file.ts";
import { optionText, unwrap } from "../option-value.ts";
import { printable } from "../printable.ts";
import { conductFaults } from "./conduct.ts";
import { readSelection } from "./selection-options.ts";
import { limitFaults } from "./send-limit.ts";
import { conductOptions, metadataOptions, networkOptions, serverOptions } from "./send-options.ts";
import { type ServerOptions, serverOptionsIn } from "./server-choice.ts";
import { readServerWords, type ServerWords } from "./server-words.ts";
import { readTroubleTarget } from "./trouble-notices.ts";
import { readAlso } from "./watch-also.ts";
import { isDecision, readDecisions } from "./watch-decide.ts";
import { readLabel } from "./watch-telling.ts";

export const watchOptions = {
  ...sharedOptions,
  profile: { type: "string", bytes: true },
  unit: { type: "string" },
  depth: { type: "string" },
  settle: { type: "string" },
  send: { type: "string", repeat: true, bytes: true },
  leave: { type: "string", repeat: true, bytes: true },
  wait: { type: "string", repeat: true, bytes: true },
  live: { type: "boolean" },
  once: { type: "boolean" },
  explain: { type: "boolean" },
  profiles: { type: "boolean" },
  reasons: { type: "boolean" },
  meta: metadataOptions.meta,
  "key-value": metadataOptions["key-value"],
  "path-metadata": { type: "string" },
  "name-template": { type: "string" },
  exclude: { type: "string", repeat: true, bytes: true },
  also: { type: "string", repeat: true, bytes: true },
  every: { type: "string", repeat: true },
  after: { type: "string", bytes: true },
  "keep-for": { type: "string" },
  "on-trouble": { type: "string" },
  notices: { type: "boolean", isThreeWay: true },
  label: { type: "string" },
  report: { type: "boolean", isThreeWay: true },
  ...serverOptions,
  ...networkOptions,
  ...conductOptions,
  server: { type: "positional", required: false, bytes: true },
  dir: { type: "positional", required: false, bytes: true },
} as const satisfies OptionsDef;

export type WatchValues = OptionValues<typeof watchOptions>;

const settleDefault = "60s";
const settleMsMin = 1000;
const depthMax = 16;
const keepForDefault = "7d";
const moveStart = "move=";

/** What is watched, and where what is found there goes. */
export interface Watched extends Omit<ServerWords, "paths"> {
  readonly folder: string;
}

/** Server and folder, which is absolute and real. Throws `DyncError`. */
export function readWatched(
  words: readonly (string | undefined)[],
  options: ServerOptions,
  environment: Environment,
): Watched {
  const { paths, ...chosen } = readServerWords(words, options, environment);
  const [folder] = paths;
  if (folder === undefined) {
    const hint = 'name the folder after SERVER; run "dync watch --help"';
    throw new DyncError("usage", "DIR is missing", { hint });
  }
  return { ...chosen, folder: realFolder(folder) };
}

/** A folder that is not there just now, such as a drive that is away, is no fault: it is waited for. */
function realFolder(folder: string): string {
  const shown = printable(folder);
  try {
    if (!statSync(systemPathBytes(folder)).isDirectory())
      throw new DyncError("usage", `"${shown}" is no folder`, { hint: "DIR is the folder to be watched" });
    return realpathSync(resolve(folder));
  } catch (error) {
    if (error instanceof DyncError) throw error;
    throw new DyncError("source", `Cannot watch "${shown}": ${whyUnreadable(error)}`, { cause: error });
  }
}

/** What `--unit` says; `null`: both. Throws `DyncError` ("usage"). */
export function readUnit(text: string | undefined): "file" | "folder" | null {
  if (text === undefined) return null;
  if (text === "file" || text === "folder") return text;
  const message = `${optionText("unit")} needs "file" or "folder", found "${printable(text)}"`;
  throw new DyncError("usage", message, { hint: "without it both are sent" });
}

/** How deep entries lie, `otherwise` where it is not said. Throws `DyncError` ("usage"). */
export function readDepth(text: string | undefined, otherwise: number | null = null): number {
  return text === undefined ? (otherwise ?? 1) : unwrap(parseCount(text, 1, depthMax), optionText("depth"));
}

/** In ms, `otherwise` where it is not said. Throws `DyncError` ("usage"). */
export function readSettle(text: string | undefined, otherwise: number | null = null): number {
  if (text === undefined && otherwise !== null) return otherwise;
  const settleMs = unwrap(parseDuration(text ?? settleDefault), optionText("settle"));
  if (settleMs >= settleMsMin) return settleMs;
  const hint = "an instrument that pauses for longer would have half a run sent";
  throw new DyncError("usage", `${optionText("settle")} needs at least 1s, found "${text}"`, { hint });
}

/** Throws `DyncError` ("usage"). */
export function readPathMetadata(text: string | undefined): PathReader | null {
  if (text === undefined) return null;
  try {
    return readPathForm(text);
  } catch (cause) {
    const message = `${optionText("path-metadata")} "${printable(text)}" ${messageOf(cause)}`;
    throw new DyncError("usage", message, { cause, hint: 'write it as "{project}/{sample}/*"' });
  }
}

/** What becomes of what was sent; `moveTo`: where it goes, `null`: it is deleted. */
export interface AfterSending {
  readonly moveTo: string | null;
  readonly keepForMs: number;
}

/**
 * What `--after` and `--keep-for` say of what was sent from `folder`, where that is known; `null`: it stays. Throws `DyncError`
 * ("usage").
 */
export function readAfter(
  text: string | undefined,
  keepFor: string | undefined,
  folder: string | null,
): AfterSending | null {
  const isKept = text === undefined || text === "keep";
  if (isKept && keepFor !== undefined)
    throw new DyncError("usage", 'Option "--keep-for" is given, and all is kept', {
      hint: "say with --after what becomes of it then: move=DIR or delete",
    });
  if (isKept) return null;
  const keepForMs = unwrap(parseDuration(keepFor ?? keepForDefault), optionText("keep-for"));
  if (text === "delete") return { moveTo: null, keepForMs };
  const moveTo = text.startsWith(moveStart) ? text.slice(moveStart.length) : "";
  if (moveTo === "")
    throw new DyncError(
      "usage",
      `${optionText("after")} needs "keep", "move=DIR" or "delete", found "${printable(text)}"`,
    );
  const target = resolve(moveTo);
  if (folder !== null && isAtOrBelow(target, folder))
    throw new DyncError("usage", `"${printable(moveTo)}" is in the watched folder`, {
      hint: "what is moved there would be sent again: name a folder elsewhere",
    });
  return { moveTo: target, keepForMs };
}

/** Everything that is wrong with a command line. */
export function watchFaults(line: CommandLine, environment: Environment): CommandFaults {
  const { values, switches, positionals, isUncertain } = line;
  if (switches.includes("profiles") || switches.includes("reasons")) return { misread: null, others: [] };
  const { send = [], leave = [], wait = [] } = values;
  const decided = { send, leave, wait, server: positionals[0], dir: positionals[1] };
  if (isDecision(decided))
    return { misread: null, others: isUncertain ? [] : faultsOf(() => readDecisions(decided, environment)) };
  const first = (name: keyof typeof watchOptions): string | undefined => values[name]?.[0];
  const { exclude = [], "key-value": pairs = [] } = values;
  const template = first("name-template");
  const server = serverOptionsIn(line);
  return {
    misread: null,
    others: [
      ...(isUncertain ? [] : faultsOf(() => readWatched(positionals, server, environment))),
      ...(switches.includes("once") && switches.includes("explain") ? [onceAndExplain()] : []),
      ...(switches.includes("once") && switches.includes("live") ? [onceAndLive()] : []),
      ...faultsOf(() => readUnit(first("unit"))),
      ...faultsOf(() => readDepth(first("depth"))),
      ...faultsOf(() => readSettle(first("settle"))),
      ...faultsOf(() => readAlso(values.also ?? [], values.every ?? [], null)),
      ...faultsOf(() => readAfter(first("after"), first("keep-for"), null)),
      ...faultsOf(() => readPathMetadata(first("path-metadata"))),
      ...faultsOf(() => template === undefined || new NameTemplate(template)),
      ...faultsOf(() => readSelection({ include: [], exclude, all: false })),
      ...faultsOf(() => readTroubleTarget(first("on-trouble"))),
      ...faultsOf(() => readLabel(first("label"), "")),
      ...metadataFaults(first("meta"), pairs, false),
      ...conductFaults(values),
      ...limitFaults(first("limit")),
    ],
  };
}

function onceAndLive(): DyncError {
  const hint = "a run that is still being written is gone on with for as long as it takes";
  return new DyncError("usage", 'Options "--once" and "--live" are both given', { hint });
}

function onceAndExplain(): DyncError {
  const hint = "--explain sends nothing";
  return new DyncError("usage", 'Options "--once" and "--explain" are both given', { hint });
}
