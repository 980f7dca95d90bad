// How a command sends, or asks: how many at once, and how long it keeps trying. An option (or its variable) counts before what
// client.toml says of the server, and that before the default.

import type { DyncError } from "../../base/error.ts";
import type { Retry } from "../../client/patience.ts";
import { jobsKind, type NamedServer } from "../../config/client-settings.ts";
import { parseDuration } from "../../config/duration.ts";
import { type Parsed, right, wrong } from "../../config/parsed.ts";
import { type Priority, priorities } from "../../protocol/priority.ts";
import type { CommandLine } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap } from "../option-value.ts";

// Enough that the disk of either side need not wait for the network or the other way round; more is a matter of measuring.
const atOnceDefault = 4;
// A night and a working day: a cut in the evening is mended by somebody in the morning.
const atTerminal = "24h";
// Nobody is there who could: a batch job's place is worth more.
const elsewhere = "15m";

/** The variable of `--retry-for`, in every command that keeps trying. */
export const retryVariable = "DYNC_RETRY_FOR";

/** What options say, as they are written. */
export interface ConductOptions {
  readonly jobs?: string | undefined;
  readonly "retry-for"?: string | undefined;
  readonly priority?: string | undefined;
}

/** What says how a command is to send. */
export interface ConductSources {
  readonly options: ConductOptions;
  /** Of the server, where it has a name. */
  readonly profile: Pick<NamedServer, "jobs" | "retryForMs"> | null;
}

/** So many uploads at once. Throws `DyncError` ("usage"). */
export function readAtOnce(sources: ConductSources): number {
  return said(jobsKind.parse, "jobs", sources) ?? sources.profile?.jobs ?? atOnceDefault;
}

/**
 * How long to keep trying; by default longer at a terminal, where somebody watches. A server that was not reached once is tried again
 * only where somebody asked for it. Throws `DyncError` ("usage").
 */
export function readRetry(sources: ConductSources, isAtTerminal = isTerminalThere()): Retry {
  const asked = said(parseDuration, "retry-for", sources) ?? sources.profile?.retryForMs;
  if (asked != null) return { retryForMs: asked, retryFirst: true };
  const text = isAtTerminal ? atTerminal : elsewhere;
  return { retryForMs: unwrap(parseDuration(text), "The default"), retryFirst: false };
}

/** How urgent all of it is, `undefined` where nothing is said. Throws `DyncError` ("usage"). */
export function readPriority(sources: ConductSources): Priority | undefined {
  return said(parsePriority, "priority", sources);
}

/** What the option says, `undefined` where it is not given. */
function said<T>(
  parse: (text: string) => Parsed<T>,
  option: keyof ConductOptions,
  { options }: ConductSources,
): T | undefined {
  const text = options[option];
  return text === undefined ? undefined : unwrap(parse(text), optionText(option));
}

function parsePriority(text: string): Parsed<Priority> {
  const found = priorities.find((it) => it === text);
  return found === undefined ? wrong(`one of ${priorities.join(", ")}`, `"${text}"`) : right(found);
}

/** What is wrong with that on a command line. */
export function conductFaults(values: CommandLine["values"]): readonly DyncError[] {
  const options = {
    jobs: values.jobs?.[0],
    "retry-for": values["retry-for"]?.[0],
    priority: values.priority?.[0],
  };
  const sources = { options, profile: null };
  return [
    ...faultsOf(() => readRetry(sources)),
    ...faultsOf(() => readAtOnce(sources)),
    ...faultsOf(() => readPriority(sources)),
  ];
}

function isTerminalThere(): boolean {
  return [process.stdin, process.stdout, process.stderr].some((stream) => stream?.isTTY === true);
}
