// What `dync watch --live` puts together: who sends runs while they are written, how these are followed, and what is said of them.

import { relative, resolve, sep } from "node:path";
import { DyncError } from "../../base/error.ts";
import { sameJson } from "../../base/json-text.ts";
import { isAtOrBelow } from "../../base/path-place.ts";
import type { BatchOptions } from "../../client/client.ts";
import type { LiveRun } from "../../client/live/feed.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import type { Completion, EntryView } from "../../watch/completion.ts";
import type { Decided } from "../../watch/decision.ts";
import { FingerprintSum } from "../../watch/fingerprint.ts";
import type { Sighting } from "../../watch/folder/scan.ts";
import type { LiveFolder } from "../../watch/live/live-folder.ts";
import { liveRule } from "../../watch/live/live-rule.ts";
import { LiveRuns, type LiveRunsParts, liveAtOnceMax } from "../../watch/live/live-runs.ts";
import type { Prepared } from "../../watch/looker.ts";
import type { MakerCheck } from "../../watch/maker-check.ts";
import type { Waiting } from "../../watch/watch-list.ts";
import type { CommandContext } from "../command.ts";
import { printable } from "../printable.ts";
import { begunAs, begunLive } from "./begun-live.ts";
import type { FeedOptions, OnFeed } from "./live-feeds.ts";
import { LiveLines, liveText } from "./live-lines.ts";
import { asLive } from "./live-options.ts";
import { openClient } from "./open-client.ts";
import type { WatchJobs } from "./watch-jobs.ts";
import { isProfileFile, type NamedProfile } from "./watch-profiles.ts";
import type { WatchJob, WatchReports } from "./watch-reports.ts";

export interface LiveOptions
  extends Pick<LiveRunsParts, "list" | "scanner" | "remember">,
    Pick<BatchOptions, "priority" | "retryForMs" | "retryFirst"> {
  readonly folder: string;
  readonly server: ServerChoice;
  readonly instrument: NamedProfile;
  readonly settleMs: number;
  readonly jobs: WatchJobs;
  readonly maker: MakerCheck | null;
  readonly decided: (path: string) => Decided | null;
  /** What `prepared` lacks by the server's rules, and what stands for these. */
  readonly lacks: (
    prepared: Extract<Prepared, { type: "job" }>,
    sighting: Sighting,
  ) => Promise<Waiting | null>;
  readonly rulesDigest: () => string;
  readonly budget: NonNullable<Parameters<typeof openClient>[1]>["budget"];
  readonly reports: WatchReports;
}

// A log is kept for years.
const lineMs = 10 * 60_000;

/** Who sends the runs of a watched folder while they are written. */
export class WatchLive {
  readonly runs: LiveRuns;
  readonly #options: LiveOptions;
  readonly #context: CommandContext;
  /** By the path of the run. */
  readonly #feeds = new Map<string, LiveFolder>();

  private constructor(options: LiveOptions, context: CommandContext, begun: Iterable<string>) {
    this.#options = options;
    this.#context = context;
    const { list, scanner, remember, reports } = options;
    this.runs = new LiveRuns({
      ...{ clock: context.clock, list, scanner, remember, random: Math.random, begun },
      prepare: (sighting, completion) => this.#prepare(sighting, completion),
      send: (ready, ends, signal) => this.#send(ready, ends, signal),
      isAsGiven: async ({ sighting }) => (await this.#feeds.get(resolve(sighting.at))?.isAsGiven()) === true,
      onStored: ({ sighting, job }) => {
        this.#feeds.delete(resolve(sighting.at));
        this.#compareMetadata(sighting, job.metadataText);
      },
      onRefused: (text) => reports.warn(`${text}, and so do all runs of this folder`),
    });
  }

  /** Finds out what earlier processes began. */
  static async open(options: LiveOptions, context: CommandContext): Promise<WatchLive> {
    const all = (await begunLive(options.server, context)).map(({ origin }) => origin.path);
    const begun = all
      .filter((path) => isAtOrBelow(path, options.folder))
      .map((path) => entryPath(options.folder, path));
    return new WatchLive(options, context, begun);
  }

  /** How far a run is, and what its end waits for; `null`: it is not followed. */
  textOf(path: string): string | null {
    const feed = this.#feeds.get(resolve(this.#options.folder, path));
    return feed === undefined ? null : liveText(feed);
  }

  async #prepare(sighting: Sighting, completion: Completion): Promise<Prepared> {
    const { jobs, lacks, rulesDigest, maker, decided } = this.#options;
    const prepared = jobs.prepare(sighting);
    if (prepared.type === "waits") return prepared;
    const job = asLive(prepared.job, { follow: this.#follow(), junk: [] });
    const begun = await begunAs(job, this.#context);
    // What was let in as that goes on so: with another name or other metadata all of it would have to be sent anew.
    const waiting = begun === null ? await lacks(prepared, sighting) : null;
    if (waiting !== null) return { type: "waits", ...waiting };
    const isHeld = completion.type === "complete" && decided(sighting.path)?.decision !== "send";
    const against = isHeld ? ((await maker?.against(sighting)) ?? null) : null;
    if (against !== null) return { type: "waits", ...against };
    return { type: "job", job: { ...job, ...begun }, key: `${prepared.key} ${rulesDigest()}` };
  }

  #follow() {
    const { settleMs, instrument } = this.#options;
    // Another process may be started elsewhere.
    const profile = isProfileFile(instrument.text) ? resolve(instrument.text) : instrument.text;
    return { settleMs, runSettleMs: settleMs, profile, completeOn: null, isAsItIs: false };
  }

  /** What was said of a run when it began is what is stored with it. */
  #compareMetadata(sighting: Parameters<WatchJobs["prepare"]>[0], begunWith: string): void {
    const now = this.#options.jobs.prepare(sighting);
    if (now.type !== "job" || sameJson(now.job.metadataText, begunWith)) return;
    this.#options.reports.warn(
      `"${printable(sighting.path)}" is stored with the metadata that it had when its upload began; they are others by now`,
      "what has to be in them should be there when a run begins; on the server, dync-server uploads amend puts them right",
    );
  }

  async #send(...[ready, ends, signal]: Parameters<LiveRunsParts["send"]>): Promise<void> {
    const { budget, reports, priority, retryForMs, retryFirst } = this.#options;
    const retry = { retryForMs, retryFirst };
    const how = { ...retry, priority, atOnce: liveAtOnceMax, isSentAtEnd: false };
    await using client = openClient(this.#context, { budget, feeds: this.#followed() });
    await client.send(jobsOf(ready), how, reports.reporter(null, retry, ends), signal);
  }

  #followed(): FeedOptions {
    const { folder, decided, maker, reports } = this.#options;
    const follow = watchLines(folder, this.#context, reports);
    return {
      onFeed: (run, feed, onNote) => {
        this.#feeds.set(run.path, feed);
        return follow(run, feed, onNote);
      },
      ruleFor: (run, rule) => {
        const path = entryPath(folder, run.path);
        const against = async (view: EntryView): Promise<Waiting | null> =>
          maker === null
            ? null
            : await maker.against({ path, at: run.path, view, fingerprint: fingerprintOf(view) });
        return liveRule(rule, {
          ...{ path, against, clock: this.#context.clock },
          decided: () => decided(path),
          isAway: () => this.#feeds.get(run.path)?.waiting?.reason === "not-reachable",
        });
      },
    };
  }
}

/** Tells of runs of a watched folder that are followed, and of what their ends wait for. */
function watchLines(folder: string, context: CommandContext, reports: WatchReports): OnFeed {
  const lines = new LiveLines(context, lineMs);
  return (run, feed, onNote) =>
    lines.follow(run, feed, onNote, (waiting) => reports.liveWaiting(entryPath(folder, run.path), waiting));
}

/**
 * How runs are followed that were begun live and are complete by now. What somebody has to change first ends the upload of one, which is
 * kept: else it would keep others from their turn.
 */
export function completeRuns(folder: string, context: CommandContext, reports: WatchReports): FeedOptions {
  const feeds = new Map<string, LiveFolder>();
  const follow = watchLines(folder, context, reports);
  return {
    onFeed: (run, feed, onNote) => {
      feeds.set(run.path, feed);
      return follow(run, feed, onNote);
    },
    ruleFor: (run, rule) => ({
      complete: async (view) => {
        const waiting = feeds.get(run.path)?.waiting;
        if (waiting?.reason === "unsendable" || waiting?.reason === "unreadable")
          throw new DyncError("source", waiting.detail);
        return await rule.complete(view);
      },
    }),
  };
}

async function* jobsOf(all: Parameters<LiveRunsParts["send"]>[0]): AsyncGenerator<WatchJob, void, undefined> {
  for await (const ready of all) yield { ...ready.job, ready };
}

function entryPath(folder: string, path: LiveRun["path"]): string {
  return relative(folder, path).split(sep).join("/");
}

function fingerprintOf(view: EntryView) {
  const sum = new FingerprintSum();
  for (const file of view.files()) sum.add(file);
  return sum.result;
}
