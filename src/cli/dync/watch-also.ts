// `--also` and `--every` of `dync watch`: folders that are sent along, with the parts of `AlsoSender`, and what is said of them.

import { basename, dirname, relative, resolve, sep } from "node:path";
import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { localTime } from "../../base/local-time.ts";
import { isAtOrBelow } from "../../base/path-place.ts";
import type { BatchOptions } from "../../client/client.ts";
import { openDataset } from "../../client/dataset/dataset-source.ts";
import type { Job } from "../../client/job.ts";
import type { SendBudget } from "../../client/send-budget.ts";
import type { Receipt } from "../../client/upload.ts";
import { parseDuration, writeDuration } from "../../config/duration.ts";
import {
  type AlsoFolder,
  type AlsoParts,
  type AlsoRecord,
  AlsoSender,
  isDue,
  whyNot,
} from "../../watch/also.ts";
import { Scanner, type Shape, type Sighting } from "../../watch/folder/scan.ts";
import { type WaitReason, waitReasons } from "../../watch/wait-reason.ts";
import type { Waiting } from "../../watch/watch-list.ts";
import type { CommandContext } from "../command.ts";
import { optionText, unwrap } from "../option-value.ts";
import { printable } from "../printable.ts";
import { datasetNameOnServer } from "./name-on-server.ts";
import { openClient } from "./open-client.ts";
import type { WatchJobs } from "./watch-jobs.ts";
import { notWritten, type WatchReports, writtenAgain } from "./watch-reports.ts";
import { fileSystemWriter } from "./write-all.ts";

const everyDefault = "8h";
const everyMsMin = 1000;

/**
 * The folders of `--also` with their rhythms, beside the watched `folder` where that is known. One `--every` counts for all, several each
 * for one, in their order. Throws `DyncError` ("usage").
 */
export function readAlso(
  folders: readonly string[],
  every: readonly string[],
  folder: string | null,
): readonly AlsoFolder[] {
  const paths = folders.map((it) => resolve(it));
  if (every.length > 0 && paths.length === 0)
    throw new DyncError("usage", 'Option "--every" is given, and no "--also"', {
      hint: "it says how often the folders of --also are looked at",
    });
  if (every.length > 1 && every.length !== paths.length)
    throw new DyncError("usage", `"--every" is given ${every.length} times, "--also" ${paths.length} times`, {
      hint: "give it once for all of them, or once for each, in their order",
    });
  const rhythms = every.map(readEvery);
  for (const [at, path] of paths.entries()) {
    const text = folders[at] ?? path;
    if (paths.indexOf(path) !== at)
      throw new DyncError("usage", `${optionText("also")} names "${printable(text)}" twice`);
    if (basename(path) === "")
      throw new DyncError("usage", `${optionText("also")} needs a folder, found "${printable(text)}"`, {
        hint: "all of a drive is not sent along: name a folder of it",
      });
    if (folder !== null && isAtOrBelow(folder, path))
      throw new DyncError(
        "usage",
        `The watched folder is in "${printable(text)}", which is to be sent along`,
        {
          hint: "all of it would be sent again and again: name a folder beside it, or in it",
        },
      );
  }
  const names = namesOf(paths);
  return paths.map((path, at) => ({
    path,
    name: names[at] ?? "",
    everyMs: rhythms[at] ?? rhythms[0] ?? readEvery(everyDefault),
  }));
}

function readEvery(text: string): number {
  const everyMs = unwrap(parseDuration(text), optionText("every"));
  if (everyMs >= everyMsMin) return everyMs;
  throw new DyncError("usage", `${optionText("every")} needs at least 1s, found "${text}"`);
}

/** The last part of each path, with as many before it as tell them apart. */
function namesOf(paths: readonly string[]): readonly string[] {
  const parts = paths.map((path) => path.split(/[\\/]/).filter((it) => it !== ""));
  const named = (count: number): readonly string[] => parts.map((it) => it.slice(-count).join("-"));
  for (let count = 1; count <= Math.max(1, ...parts.map((it) => it.length)); count++) {
    const names = named(count);
    if (new Set(names.map((it) => it.toLowerCase())).size === names.length) return names;
  }
  return named(1).map((name, at) => `${name}-${at + 1}`);
}

/** What of the watched `folder` is no entry, since it is sent along: paths from it on. */
export function alsoWithin(folders: readonly AlsoFolder[], folder: string): ReadonlySet<string> {
  const inside = folders.filter(({ path }) => path !== folder && isAtOrBelow(path, folder));
  return new Set(inside.map(({ path }) => relative(folder, path).split(sep).join("/")));
}

export interface AlsoOptions extends Pick<AlsoParts, "settleMs" | "memory"> {
  readonly folders: readonly AlsoFolder[];
  /** Which files in them count. */
  readonly shape: Shape;
  /** Makes their jobs, of the metadata of all and of those beside them or in them. */
  readonly jobs: WatchJobs;
  readonly how: BatchOptions;
  readonly budget: SendBudget;
}

/** Who sends them along. */
export function alsoSender(
  { folders, shape, jobs, how, budget, settleMs, memory }: AlsoOptions,
  context: CommandContext,
  reports: WatchReports,
): AlsoSender {
  const { clock } = context;
  const onNote = (text: string): void => reports.note(text);
  return new AlsoSender(folders, {
    ...{ clock, settleMs, memory, random: Math.random },
    look: (path, signal) => lookAt(path, { shape, clock }, signal),
    prepare: (sighting, name) => {
      const prepared = jobs.prepare(sighting);
      if (prepared.type === "waits") return prepared;
      return { ...prepared, job: { ...prepared.job, name: datasetNameOnServer(name, sighting.at) } };
    },
    contentOf: async ({ job }, signal) => {
      if (job.origin.kind !== "dataset") throw new Error("A folder is sent along as a dataset");
      const parts = { clock, writeAll: fileSystemWriter(), onNote: () => {}, onWarning: () => {} };
      const source = await openDataset(job.origin, null, parts, signal);
      try {
        return await source.listDigest();
      } finally {
        await source.close();
      }
    },
    send: async ({ job }, { path }, signal) => {
      onNote(`Sending "${printable(path)}" along`);
      return await sendOne(job, { context, budget, how, reports }, signal);
    },
    onUnwritten: (why) => (why === null ? reports.note(writtenAgain) : reports.trouble(notWritten(why))),
    onWaiting: (folder, waiting) => reports.alsoWaiting(folder.path, waiting),
    onKnown: (folder, record, isNew) => {
      const text = `"${printable(folder.path)}" was sent along as "${printable(record.sent?.name ?? "")}"`;
      reports.alsoKnown(
        folder.path,
        { state: isNew ? "sent" : "unchanged", ...fieldsOf(folder, record) },
        isNew ? text : null,
      );
    },
  });
}

/** What is at `path`, as a look sees it; `null`: nothing. */
async function lookAt(
  path: string,
  { shape, clock }: { readonly shape: Shape; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Sighting | null> {
  return await new Scanner(dirname(path), shape, clock).look(basename(path), signal);
}

async function sendOne(
  job: Job,
  {
    context,
    budget,
    how,
    reports,
  }: Pick<AlsoOptions, "budget" | "how"> & {
    readonly context: CommandContext;
    readonly reports: WatchReports;
  },
  signal: AbortSignal,
): Promise<Receipt> {
  const end = Promise.withResolvers<Receipt>();
  end.promise.catch(() => {});
  await using client = openClient(context, { budget });
  const started = () => ({
    onProgress: () => {},
    onNote: (text: string): void => reports.note(text),
    onWarning: (text: string, hint: string): void => reports.warn(text, hint),
    onConfirmed: async (receipt: Receipt): Promise<void> => end.resolve(receipt),
    onFailed: (error: unknown): void => end.reject(error),
  });
  await client.send([job], { ...how, atOnce: 1 }, { started }, signal);
  return await end.promise;
}

/** What one waits for whose folder was looked at once; `null`: for nothing but its time. */
async function waitingOf(
  { path, everyMs }: AlsoFolder,
  record: AlsoRecord,
  { shape, clock }: { readonly shape: Shape; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Waiting | null> {
  const sighting = await lookAt(path, { shape, clock }, signal);
  const fault = whyNot(sighting);
  if (fault !== null || sighting?.fingerprint.text === record.fingerprint) return fault;
  const isNow = isDue(record, everyMs, { nowMs: clock.date().getTime(), sinceMs: 0 });
  const detail = record.sent === null ? "It was not sent yet" : "It has changed since it was sent";
  return { reason: isNow ? "settling" : "queued", detail };
}

/** Says of each how it stands. */
export async function explainAlso(
  { folders, shape, memory }: Pick<AlsoOptions, "folders" | "shape" | "memory">,
  { output, clock, signal }: CommandContext,
): Promise<void> {
  for (const folder of folders) {
    const record = memory.find(folder.path);
    const waiting = await waitingOf(folder, record, { shape, clock }, signal);
    const line = alsoFields(folder, record, waiting);
    output.record("also", line);
    output.result(alsoText(line));
  }
}

/** How one stands, as it is told to programs. */
export const alsoLine = v.object({
  folder: v.string(),
  state: v.picklist(["waiting", "unchanged"]),
  reason: v.optional(v.string()),
  detail: v.optional(v.string()),
  everySeconds: v.number(),
  name: v.optional(v.string()),
  id: v.optional(v.string()),
  sentAt: v.optional(v.string()),
  checkedAt: v.optional(v.string()),
});

export type AlsoLine = v.InferOutput<typeof alsoLine>;

/** How one stands. */
export function alsoFields(folder: AlsoFolder, record: AlsoRecord, waiting: Waiting | null): AlsoLine {
  const known = fieldsOf(folder, record);
  if (waiting === null) return { ...known, state: "unchanged" };
  return { ...known, state: "waiting", reason: waiting.reason, detail: waiting.detail };
}

function fieldsOf({ path, everyMs }: AlsoFolder, { sent, checkedAt }: AlsoRecord): Omit<AlsoLine, "state"> {
  const last = sent === null ? {} : { name: sent.name, id: sent.upload, sentAt: sent.at };
  return {
    folder: path,
    everySeconds: everyMs / 1000,
    ...last,
    ...(checkedAt === null ? {} : { checkedAt }),
  };
}

/** How one stands, in a line for people. */
export function alsoText({
  folder,
  reason,
  detail,
  everySeconds,
  name,
  sentAt,
  checkedAt,
}: AlsoLine): string {
  const meaning = reason === undefined ? "" : `${reason}: ${waitReasons[reason as WaitReason] ?? "It waits"}`;
  const waits = meaning === "" ? "" : `${meaning}${detail ? ` (${detail})` : ""}; `;
  const every = `sent along every ${writeDuration(everySeconds * 1000)} when it has changed`;
  const last = sentAt === undefined ? "never sent" : `sent as "${name}" at ${localTime(sentAt)}`;
  const checked = checkedAt === undefined ? "" : `, looked at ${localTime(checkedAt)}`;
  return printable(`${folder}: ${waits}${every}; ${last}${checked}`);
}
