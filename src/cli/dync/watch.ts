// `dync watch [SERVER] DIR`: sends what appears in a folder, each file and sub-folder when it is complete.

import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import type { JsonMember } from "../../base/json-text.ts";
import { untilOneFails } from "../../base/until-one-fails.ts";
import { Takings } from "../../client/free/takings.ts";
import type { Retry } from "../../client/patience.ts";
import { overlaid } from "../../client/plan/overlay.ts";
import { SendBudget } from "../../client/send-budget.ts";
import { dyncHome } from "../../keys/key-files.ts";
import type { AfterSent } from "../../watch/after-sent.ts";
import { ClockJumps } from "../../watch/clock-jumps.ts";
import { genericRule } from "../../watch/completion.ts";
import { AlsoMemory } from "../../watch/folder/also-memory.ts";
import { Decisions } from "../../watch/folder/decisions.ts";
import { onFolderChange } from "../../watch/folder/events.ts";
import { HalfTaken } from "../../watch/folder/half-taken.ts";
import { openForWriting } from "../../watch/folder/open-for-writing.ts";
import { Scanner, type Sighting } from "../../watch/folder/scan.ts";
import { lockWatch, type SentEntry, SentMemory, watchFolderOf } from "../../watch/folder/sent-memory.ts";
import { Looker, type Prepared, type Ready } from "../../watch/looker.ts";
import { Remembering } from "../../watch/remembering.ts";
import type { RulesCheck } from "../../watch/rules-check.ts";
import { waitReasons } from "../../watch/wait-reason.ts";
import { Watcher, type WatcherParts } from "../../watch/watcher.ts";
import { BatchProgress } from "../batch-progress.ts";
import { type CommandContext, defineCommand, exitNotAll, type SaidByVariables } from "../command.ts";
import { loadMembers } from "../metadata-file.ts";
import { printable } from "../printable.ts";
import { goingOn } from "./begun-live.ts";
import { readAtOnce, readPriority, readRetry, retryVariable } from "./conduct.ts";
import { openClient } from "./open-client.ts";
import { readSelection } from "./selection-options.ts";
import { readRateSource } from "./send-limit.ts";
import { serverOptionsOf } from "./server-choice.ts";
import { readTroubleTarget, TroubleNotices } from "./trouble-notices.ts";
import { watchUsage } from "./usage-watch.ts";
import { afterSent } from "./watch-after.ts";
import { type AlsoOptions, alsoFields, alsoSender, explainAlso, readAlso } from "./watch-also.ts";
import { decide, isDecision } from "./watch-decide.ts";
import { answerExplain, explainByLooking, explainFromWatcher } from "./watch-explain.ts";
import { WatchJobs } from "./watch-jobs.ts";
import { completeRuns, WatchLive } from "./watch-live.ts";
import {
  readAfter,
  readSettle,
  readWatched,
  type Watched,
  type WatchValues,
  watchFaults,
  watchOptions,
} from "./watch-options.ts";
import { listOf, makerCheckOf, shapeOf, type WatchedInstrument, watchJobsOf } from "./watch-parts.ts";
import { expectLive, instrumentFor, printProfiles } from "./watch-profiles.ts";
import { notWritten, type WatchJob, WatchReports, writtenAgain } from "./watch-reports.ts";
import { isWaitingForRules, rulesCheck, withPlace } from "./watch-rules.ts";
import { WatchStatus } from "./watch-status.ts";
import { readLabel, type TellingOptions, tellingOf } from "./watch-telling.ts";

export const watchCommand = defineCommand({
  name: "watch",
  usage: watchUsage,
  options: watchOptions,
  check: watchFaults,
  run: watch,
});

// With less patience inside an upload others get their turn; the watcher itself has no end to its own.
const retryWithin = "15m";

async function watch(values: WatchValues, context: CommandContext): Promise<number> {
  const { output, environment } = context;
  if (values.quiet) output.beQuiet();
  if (values.profiles) {
    await printProfiles(output);
    return 0;
  }
  if (values.reasons) return listReasons(context);
  if (isDecision(values)) return decide(values, context);
  const server = serverOptionsOf(values, context.variables);
  const watched = readWatched([values.server, values.dir], server, environment);
  const instrument = await instrumentFor(values, watched.profile, resolve(dyncHome(environment)));
  if (values.live) expectLive(instrument);
  return await watchFolder({ ...watched, instrument }, values, context);
}

function listReasons({ output }: CommandContext): number {
  for (const [reason, text] of Object.entries(waitReasons)) {
    output.record("reason", { reason, text });
    output.result(`${reason.padEnd(18)}${text}`);
  }
  return 0;
}

async function watchFolder(
  watched: WatchedInstrument,
  values: WatchValues,
  context: CommandContext,
): Promise<number> {
  const { output, environment, signal } = context;
  const { server, folder } = watched;
  const state = watchFolderOf(resolve(dyncHome(environment)), folder);
  using lock = values.explain ? null : lockWatch(state, folder);
  if (lock === null && !values.explain) throw beingWatched(folder);
  if (values.explain && (await explainFromWatcher(state, folder, context))) return 0;
  const serverName = `${server.host}:${server.port}`;
  using memory = SentMemory.open(state, serverName);
  using decisions = Decisions.open(state);
  using alsoMemory = AlsoMemory.open(state, serverName);
  await using notices = values.explain ? null : noticesFor(watched, values, state, context);
  const reports = new WatchReports(context, notices);
  const rate = readRateSource(values.limit, context, watched.profile);
  const budget = new SendBudget({ clock: context.clock, rate });
  const shared = sharedMetadata(values, watched.profile);
  const around = { context, memory, reports, budget, shared };
  const rules = rulesCheck(watched.server, context, () => isWaitingForRules(parts.list));
  const parts = await partsOf(watched, values, { ...around, rules, decisions });
  const beside = alsoOf(watched, values, { around, memory: alsoMemory, settleMs: parts.settleMs });
  if (values.explain) {
    await rules.readCopy();
    await explainByLooking(parts, folder, context);
    await explainAlso(beside, context);
    return 0;
  }
  const also = alsoSender(beside, context, reports);
  const watcher = new Watcher(parts);
  using _status = new WatchStatus(state, context.clock, {
    list: parts.list,
    also: () => [...also.states()].map((it) => alsoFields(it.folder, it.record, it.waiting)),
    lastTrouble: () => notices?.last ?? null,
  });
  const { live } = parts;
  const liveText = (path: string): string | null => live?.textOf(path) ?? null;
  const telling = tellerOf(watched, values, { list: parts.list, reports, rate }, context);
  const told = () => telling?.told ?? null;
  await using _explained = await answerExplain({ ...parts, also, reports, liveText, told }, state, context);
  const after = await afterOf(watched, values, context, { ...parts, reports });
  try {
    if (values.once) {
      // Nothing is judged before the server answered.
      void rules.begin(signal).catch(() => {});
      await allOnce([watcher, also], signal);
      await after?.once(signal);
      const reasons = [...Object.keys(parts.list.reasons), ...[...also.waiting()].map((it) => it.reason)];
      return isAnythingRefused(reasons) ? exitNotAll : 0;
    }
    output.say(`Watching "${printable(folder)}"`);
    const all = [rules, watcher, also, after, live?.runs, telling].filter(
      (it) => it !== null && it !== undefined,
    );
    await untilOneFails(
      all.map((one) => (it) => one.forever(it)),
      signal,
    );
    return 0;
  } finally {
    await telling?.farewell(values.once === true);
    reports.summarise(parts.list, folder);
  }
}

/** Has each of them done once, all at the same time. Rejects with why the server could not be reached. */
async function allOnce(all: readonly Pick<Watcher, "once">[], signal: AbortSignal): Promise<void> {
  const faults: (DyncError | null)[] = [];
  await untilOneFails(
    all.map((what) => async (it) => void faults.push(await what.once(it))),
    signal,
  );
  const fault = faults.find((it) => it !== null);
  if (fault !== undefined) throw fault;
}

/** Who tells the server how the folder does; `null`: nobody is to. */
function tellerOf(
  { server, folder, instrument, profile }: WatchedInstrument,
  values: WatchValues,
  parts: Pick<TellingOptions, "list" | "reports" | "rate">,
  context: CommandContext,
): ReturnType<typeof tellingOf> | null {
  if (values.report === false) return null;
  const label = readLabel(values.label, folder);
  const priority = readPriority({ options: values, profile });
  return tellingOf(
    { ...parts, server, folder, label, profile: instrument?.profile.file.title, priority },
    context,
  );
}

/** Who takes away what was sent; `null`: nobody. */
async function afterOf(
  { server, profile, folder }: Watched,
  values: WatchValues,
  context: CommandContext,
  { list, scanner, jobs, reports }: Pick<Parts, "list" | "scanner" | "jobs"> & Pick<Around, "reports">,
): Promise<AfterSent | null> {
  const { environment } = context;
  const said = readAfter(values.after, values["keep-for"], folder);
  if (said === null) return null;
  const retry = retryOf(values, profile, context.variables);
  const home = resolve(dyncHome(environment));
  const from = { server, folder, home, retry, list, scanner, jobs };
  return await afterSent({ ...said, ...from }, context, reports);
}

/** How long one upload keeps trying; a server that was not reached once may be reached later. */
function retryOf(values: WatchValues, profile: Watched["profile"], variables: SaidByVariables): Retry {
  // What client.toml says, and a variable for every command, is for what ends: here it would keep others from their turn.
  const isForAll = variables.get("retry-for")?.name === retryVariable;
  const own = isForAll ? undefined : values["retry-for"];
  const options = values.once ? values : { ...values, "retry-for": own ?? retryWithin };
  return { ...readRetry({ options, profile }, false), retryFirst: true };
}

function noticesFor(
  { server, folder }: WatchedInstrument,
  values: WatchValues,
  state: string,
  { clock, environment, output }: CommandContext,
): TroubleNotices {
  return new TroubleNotices({
    ...{ clock, environment, folder, state },
    target: readTroubleTarget(values["on-trouble"]),
    isDesktopTold: values.notices !== false,
    server: formatServerAddress(server),
    onFailed: (text) => output.warn(text),
  });
}

function beingWatched(folder: string): DyncError {
  const hint = "one is enough; stop it first, or look at what it waits for with --explain";
  return new DyncError("failed", `Another dync watches "${folder}" already`, { hint });
}

function isAnythingRefused(reasons: readonly string[]): boolean {
  return reasons.some((it) => it === "refused" || it === "retrying" || it === "unsendable");
}

interface Around {
  readonly context: CommandContext;
  readonly memory: SentMemory;
  readonly reports: WatchReports;
  /** How fast all of it may be sent, for as long as the folder is watched. */
  readonly budget: SendBudget;
  /** The metadata of all. */
  readonly shared: readonly JsonMember[];
}

/** What is sent along, and how. */
function alsoOf(
  { server, profile, folder }: Watched,
  values: WatchValues,
  {
    around,
    memory,
    settleMs,
  }: { readonly around: Around; readonly memory: AlsoMemory; readonly settleMs: number },
): AlsoOptions {
  const { context, budget, shared } = around;
  const priority = readPriority({ options: values, profile });
  return {
    ...{ budget, memory, settleMs },
    folders: readAlso(values.also, values.every, folder),
    shape: shapeOf({ ...values, also: [], every: [] }, null, folder),
    jobs: new WatchJobs({
      server,
      selection: readSelection({ include: [], exclude: values.exclude, all: false }),
      shared,
      fromPath: null,
      nameTemplate: null,
    }),
    how: { ...retryOf(values, profile, context.variables), priority },
  };
}

/** The metadata of all: what client.toml says, and over that the options. */
function sharedMetadata(values: WatchValues, profile: Watched["profile"]): readonly JsonMember[] {
  return overlaid(profile?.metadata ?? [], loadMembers(values.meta, values["key-value"]));
}

type Parts = WatcherParts & {
  readonly scanner: Scanner;
  readonly looker: Looker;
  readonly jobs: WatchJobs;
  readonly live: WatchLive | null;
};

/** What a look asks beside the entries. */
interface LookedAt {
  readonly rules: RulesCheck;
  readonly decisions: Decisions;
}

async function partsOf(
  watched: WatchedInstrument,
  values: WatchValues,
  { context, memory, reports, shared, rules, decisions, ...around }: Around & LookedAt,
): Promise<Parts> {
  const { clock } = context;
  const { server, profile, folder } = watched;
  const instrument = watched.instrument?.profile ?? null;
  const rule = instrument ?? genericRule;
  const settleMs = readSettle(values.settle, instrument?.settleMs);
  const list = listOf(watched, values, settleMs, reports);
  const scanner = new Scanner(folder, shapeOf(values, instrument, folder), clock);
  const jobs = watchJobsOf(watched, values, shared);
  const maker = values.explain ? null : makerCheckOf(instrument, values.once, context.signal);
  const sent = new Remembering<SentEntry>({
    note: (_path, entry) => memory.note(entry),
    onFault: (why) => reports.trouble(notWritten(why)),
    onOver: () => reports.note(writtenAgain),
  });
  const jumps = new ClockJumps(clock, (byMs) => reports.clockJumped(byMs));
  const lacks = async ({ job, key }: Extract<Prepared, { type: "job" }>, sighting: Sighting) =>
    withPlace(await rules.against(job, key), sighting);
  const remember = (entry: SentEntry): void => void sent.note(entry.path, entry);
  const live =
    values.live && !values.explain && watched.instrument !== null
      ? await WatchLive.open(
          {
            ...{ folder, server, settleMs, list, scanner, jobs, maker, remember, lacks, reports },
            ...{ budget: around.budget, ...retryOf(values, profile, context.variables) },
            instrument: watched.instrument,
            priority: readPriority({ options: values, profile }),
            decided: (path) => decisions.of(path),
            rulesDigest: () => rules.digest,
          },
          context,
        )
      : null;
  const begunBefore = goingOn(settleMs, context);
  const looker = new Looker({
    ...{ clock, scanner, list, rule, decisions },
    halfTaken: new HalfTaken(new Takings(resolve(dyncHome(context.environment)))),
    sentAs: (path) => sent.unwritten(path)?.fingerprint.text ?? memory.sentAs(path),
    prepare: async (sighting) => {
      const prepared = jobs.prepare(sighting);
      if (prepared.type === "waits") return prepared;
      const begun = await begunBefore(prepared);
      const isWanted = decisions.of(sighting.path)?.decision === "send";
      const lacking = begun === null ? await lacks(prepared, sighting) : null;
      const waiting = lacking ?? (isWanted ? null : await maker?.against(sighting)) ?? null;
      if (waiting !== null) return { type: "waits", ...waiting };
      // What the server refused by other rules is asked for again.
      return { type: "job", job: (begun ?? prepared).job, key: `${prepared.key} ${rules.digest}` };
    },
    live: live?.runs,
    openForWriting: () => openForWriting(folder),
  });
  return {
    ...{ clock, list, looker, scanner, jobs, live, remember, settleMs, random: Math.random },
    send: (ready, ends, signal) =>
      sendReady(ready, ends, signal, { ...around, values, folder, profile, context, reports }),
    onLooked: () => {
      sent.again();
      jumps.look();
    },
    onChange: (hurry) => onFolderChange(folder, hurry),
  };
}

interface HowToSend extends Omit<Around, "memory" | "shared">, Pick<Watched, "folder" | "profile"> {
  readonly values: WatchValues;
}

async function sendReady(
  ready: AsyncIterable<Ready>,
  ends: Parameters<WatcherParts["send"]>[1],
  signal: AbortSignal,
  { values, folder, profile, context, reports, budget }: HowToSend,
): Promise<void> {
  const sources = { options: values, profile };
  const [atOnce, priority] = [readAtOnce(sources), readPriority(sources)];
  const retry = retryOf(values, profile, context.variables);
  const told = { linesEveryMs: null, waitsAfterMs };
  const progress = new BatchProgress({ ...context, files: null, bytes: null, ...told });
  await using client = openClient(context, {
    budget,
    feeds: completeRuns(folder, context, reports),
  });
  const reporter = reports.reporter(progress, retry, ends);
  try {
    await client.send(jobsOf(ready), { ...retry, atOnce, priority }, reporter, signal);
  } finally {
    progress.end();
    reports.sessionEnded();
  }
}

async function* jobsOf(all: AsyncIterable<Ready>): AsyncGenerator<WatchJob, void, undefined> {
  for await (const ready of all) yield { ...ready.job, size: ready.sighting.fingerprint.bytes, ready };
}

// What passes sooner is no news for a log that is kept for years.
const waitsAfterMs = 30_000;
