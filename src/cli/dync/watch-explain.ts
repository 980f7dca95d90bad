// `dync watch --explain`: what each entry waits for. Where the folder is being watched the watcher says it, which saw its entries over
// time; else they are looked at, twice.

import * as v from "valibot";
import { sleep, systemClock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { localTime } from "../../base/local-time.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import { askServer } from "../../control/ask-server.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import { ControlServer } from "../../control/control-server.ts";
import type { AlsoSender } from "../../watch/also.ts";
import type { Looker } from "../../watch/looker.ts";
import type { Told } from "../../watch/telling.ts";
import { type WaitReason, waitReasons } from "../../watch/wait-reason.ts";
import type { WaitingEntry, WatchList } from "../../watch/watch-list.ts";
import type { CommandContext } from "../command.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { type AlsoLine, alsoFields, alsoLine, alsoText } from "./watch-also.ts";
import type { WatchReports } from "./watch-reports.ts";

const seconds = v.optional(v.number());

/** An entry as a watcher tells it. */
const entryLine = v.variant("state", [
  v.object({
    state: v.literal("waiting"),
    path: v.string(),
    kind: v.picklist(["file", "folder"]),
    reason: v.string(),
    detail: v.string(),
    fields: v.optional(v.array(v.string())),
    quietSeconds: seconds,
    tries: v.optional(v.number()),
    nextTrySeconds: seconds,
  }),
  v.object({
    state: v.literal("sending"),
    path: v.string(),
    kind: v.picklist(["file", "folder"]),
    detail: v.string(),
    bytes: v.number(),
    total: v.nullable(v.number()),
  }),
]);

type EntryLine = v.InferOutput<typeof entryLine>;

const toldLine = v.variant("type", [
  v.object({ type: v.literal("entry"), entry: entryLine }),
  v.object({ type: v.literal("also"), also: alsoLine }),
]);

const answer = v.object({
  /** ISO 8601, UTC. */
  startedAt: v.string(),
  settleSeconds: v.number(),
  entries: v.number(),
  waiting: v.number(),
  reasons: v.record(v.string(), v.number()),
  /** Why the folder cannot be looked at; `null`: it can. */
  lost: v.nullable(v.string()),
  /** When the server was told last how the folder does, and why not since then. */
  told: v.optional(v.nullable(v.object({ at: v.nullable(v.string()), fault: v.nullable(v.string()) }))),
});

type Answer = v.InferOutput<typeof answer>;

export interface Explained {
  readonly list: WatchList;
  readonly also: AlsoSender;
  readonly reports: WatchReports;
  readonly settleMs: number;
  /** How far a run is that is sent while it is written; `null`: it is none. */
  readonly liveText: (path: string) => string | null;
  /** What came of telling the server; `null`: it is not told. */
  readonly told: () => Told | null;
}

/** Answers `--explain` while it watches; `state` is the folder of what it remembers. Without a socket they look themselves. */
export async function answerExplain(
  { list, also, reports, settleMs, liveText, told }: Explained,
  state: string,
  { clock, output }: CommandContext,
): Promise<AsyncDisposable> {
  const startedAt = clock.date().toISOString();
  const explain: ControlCommand = async ({ tell }) => {
    for (const waiting of list.details(clock.now()))
      await tell({ type: "entry", entry: lineOf(waiting, reports, liveText) });
    for (const { folder, record, waiting } of also.states())
      await tell({ type: "also", also: alsoFields(folder, record, waiting) });
    const said: Answer = {
      ...{ startedAt, settleSeconds: settleMs / 1000, ...list.counts, reasons: list.reasons },
      ...{ lost: list.whyLost, told: told() },
    };
    return said;
  };
  return await ControlServer.open({
    ...{ home: state, commands: new Map([["explain", explain]]), clock },
    logger: {
      log: (level, _message, fields) => {
        if (level === "debug") return;
        output.say(`"dync watch --explain" beside this one has to look itself: ${fields?.reason ?? ""}`);
      },
    },
  });
}

function lineOf(entry: WaitingEntry, reports: WatchReports, liveText: Explained["liveText"]): EntryLine {
  const { path, kind, reason, detail, fields, quietMs, tries, nextTryMs } = entry;
  const sending = reports.underWay(path);
  if (sending !== null) {
    const { taken: bytes, total, waiting } = sending;
    const why = reason === "live" ? liveText(path) : null;
    return { path, kind, state: "sending", detail: why ?? waiting ?? "", bytes, total };
  }
  return {
    ...{ path, kind, state: "waiting", reason, detail },
    ...(fields === undefined ? {} : { fields: [...fields] }),
    ...(quietMs === null ? {} : { quietSeconds: quietMs / 1000 }),
    ...(tries === 0 ? {} : { tries }),
    ...(nextTryMs === null ? {} : { nextTrySeconds: nextTryMs / 1000 }),
  };
}

/** Prints what the watcher says. Returns `false` where there is none that could be asked. */
export async function explainFromWatcher(
  state: string,
  folder: string,
  { output, clock, signal }: CommandContext,
): Promise<boolean> {
  const lines: v.InferOutput<typeof toldLine>[] = [];
  let said: Answer;
  try {
    said = await askServer({
      ...{ home: state, command: "explain", answer, clock, signal },
      onLine: (line) => {
        const read = v.safeParse(toldLine, line);
        if (read.success) lines.push(read.output);
      },
    });
  } catch (error) {
    // None runs, or one of another version.
    if (error instanceof DyncError && ["unavailable", "malformed", "configuration"].includes(error.code))
      return false;
    throw error;
  }
  const { startedAt, settleSeconds, lost, told = null, ...counts } = said;
  for (const line of lines) {
    if (line.type === "entry") tellEntry(line.entry, settleSeconds, output);
    else tellAlso(line.also, output);
  }
  output.summarise({ folder, ...counts, isWatched: true, startedAt, told });
  if (lost !== null) output.say(`"${printable(folder)}" cannot be looked at: ${printable(lost)}`);
  sayCounts(counts, output, ` It is watched since ${localTime(startedAt)}`);
  if (told !== null) output.say(toldText(told));
  return true;
}

/** Looks twice, and says what each entry waits for. */
export async function explainByLooking(
  { list, looker }: { readonly list: WatchList; readonly looker: Looker },
  folder: string,
  { output, signal }: CommandContext,
): Promise<void> {
  await looker.all(signal, Number.POSITIVE_INFINITY);
  await sleep(systemClock, explainPauseMs, signal);
  for (const { sighting } of await looker.all(signal, Number.POSITIVE_INFINITY)) {
    const detail = "It is quiet since --explain looks at it";
    list.waits(sighting.path, { reason: "settling", detail });
  }
  for (const { path, kind, reason, detail, fields } of list.waiting()) {
    const named = fields === undefined ? {} : { fields: [...fields] };
    tellEntry({ path, kind, state: "waiting", reason, detail, ...named }, null, output);
  }
  output.summarise({ folder, ...list.counts, reasons: list.reasons, isWatched: false });
  sayCounts(list.counts, output, "");
}

// Who writes shows that within it.
const explainPauseMs = 1000;

function sayCounts(
  { entries, waiting }: Pick<Answer, "entries" | "waiting">,
  output: Output,
  more: string,
): void {
  const what = entries === 1 ? "1 entry" : `${entries} entries`;
  output.say(`${what}: ${entries - waiting} sent, ${waiting} not${more === "" ? "" : `.${more}`}`);
}

function toldText({ at, fault }: Told): string {
  const last = at === null ? "" : `; it was last at ${localTime(at)}`;
  if (fault !== null) return `The server is not told how this is: ${printable(fault)}${last}`;
  return at === null ? "The server is told soon how this is" : `The server was told so at ${localTime(at)}`;
}

function tellEntry(entry: EntryLine, settleSeconds: number | null, output: Output): void {
  output.record("entry", entry);
  output.result(`${printable(entry.path)}: ${printable(textOf(entry, settleSeconds))}`);
}

function tellAlso(also: AlsoLine, output: Output): void {
  output.record("also", also);
  output.result(alsoText(also));
}

function textOf(entry: EntryLine, settleSeconds: number | null): string {
  if (entry.state === "sending") {
    const of = entry.total === null ? "" : ` of ${formatSize(entry.total)}`;
    return `sending: ${formatSize(entry.bytes)}${of}${inBrackets([entry.detail])}`;
  }
  const { reason, detail, quietSeconds, tries, nextTrySeconds } = entry;
  const isQuieting = reason === "settling" && quietSeconds !== undefined && settleSeconds !== null;
  const quiet = isQuieting ? `quiet for ${shortly(quietSeconds)} of ${shortly(settleSeconds)}` : "";
  const next = nextTrySeconds === undefined ? "" : `, again in ${shortly(nextTrySeconds)}`;
  const tried = tries === undefined ? "" : `failed ${tries === 1 ? "once" : `${tries} times`}${next}`;
  const meaning = waitReasons[reason as WaitReason] ?? "It waits";
  return `${reason}: ${meaning}${inBrackets([detail, quiet, tried])}`;
}

function shortly(length: number): string {
  return formatDuration(length * 1000);
}

function inBrackets(texts: readonly string[]): string {
  const said = texts.filter((it) => it !== "");
  return said.length === 0 ? "" : ` (${said.join("; ")})`;
}
