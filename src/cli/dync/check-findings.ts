// What came of a check: counted, shown as it comes, and summed up.

import { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { localTime } from "../../base/local-time.ts";
import { CannotBeAsked } from "../../client/ask.ts";
import type { Checked, WouldBe } from "../../client/check.ts";
import type { CheckReport } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import type { OfflineJudge } from "../../client/offline-judge.ts";
import { pathOf } from "../../client/origin.ts";
import { isOfServer } from "../../client/servers.ts";
import { formatDuration } from "../../config/duration.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { BatchProgress } from "../batch-progress.ts";
import { type CommandContext, exitNotAll } from "../command.ts";
import { errorLines, listedFaults } from "../fault-lines.ts";
import { printable } from "../printable.ts";
import { progressState, shownName } from "./reporter.ts";

export interface FindingsOptions {
  readonly jobs: readonly Job[];
  readonly server: ServerChoice;
  /** Whether metadata are given: then it is said what would become of what is not there. */
  readonly isJudged: boolean;
  /** By which kept rules, where no server is asked. */
  readonly offline?: Pick<OfflineJudge, "user" | "at"> | undefined;
}

export class Findings {
  readonly #context: CommandContext;
  readonly #progress: BatchProgress;
  readonly #server: ServerChoice;
  readonly #files: number;
  /** What they are called, one of them. */
  readonly #things: string;
  readonly #isJudged: boolean;
  readonly #offline: FindingsOptions["offline"];
  readonly #counts = { stored: 0, differ: 0, missing: 0, accepted: 0, refused: 0, failed: 0 };
  /** Of the first that was refused otherwise than for its metadata, else of the first. */
  #refusal: DyncError | null = null;
  readonly #hints = new Set<string>();

  constructor({ jobs, server, isJudged, offline }: FindingsOptions, context: CommandContext) {
    this.#offline = offline;
    this.#isJudged = isJudged;
    const files = jobs.length;
    this.#files = files;
    this.#things = jobs[0]?.unpack === undefined ? "file" : "dataset";
    this.#server = server;
    this.#context = context;
    this.#progress = new BatchProgress({ ...context, files, bytes: null, linesEveryMs: null });
  }

  started(job: Job): CheckReport {
    const { output } = this.#context;
    const view = this.#progress.open(shownName(job), null);
    let read = 0;
    return {
      onProgress: (state) => view.update(progressState(state)),
      onRead: (taken, total) => {
        read = taken;
        view.update({ taken, underWay: 0, total, waiting: null });
      },
      onNote: (text) => this.#progress.above(() => output.say(text)),
      onWarning: (text, hint) => this.#progress.above(() => output.warn(text, hint)),
      onChecked: (checked) => {
        // It was checked, whatever came of it.
        view.stored(read, false);
        this.#tell(job, checked);
      },
      onFailed: (error) => {
        view.failed();
        // What is wrong with the server is the same for all of them.
        if (!(error instanceof DyncError) || error instanceof CannotBeAsked || isOfServer(error)) throw error;
        if (this.#context.signal.aborted) throw error;
        this.#counts.failed += 1;
        const { code, message, hint } = error;
        output.record("file", {
          ...whichOf(job),
          outcome: "failed",
          code,
          message,
          faults: listedFaults(error),
          hint,
        });
        this.#progress.above(() => output.error(error));
      },
    };
  }

  #tell(job: Job, checked: Checked): void {
    const { output } = this.#context;
    const path = printable(whichOf(job).path);
    const record = (fields: object): void =>
      output.record("file", { ...whichOf(job), outcome: checked.type, ...fields });
    switch (checked.type) {
      case "stored": {
        this.#counts.stored += 1;
        const { upload, otherName } = checked.stored;
        const { kind: _, ...content } = checked.content;
        record({ ...content, upload, storedAs: otherName ?? undefined });
        if (otherName === null) return;
        return this.#progress.above(() => output.say(`"${path}" is stored as "${otherName}"`));
      }
      case "differs":
        this.#counts.differ += 1;
        record({ reason: checked.why });
        return this.#progress.above(() => output.result(`differs  ${path}: ${printable(checked.why)}`));
      case "missing": {
        this.#counts.missing += 1;
        record({ reason: checked.why ?? undefined, ...wouldBe(checked) });
        const why = checked.why ?? (this.#isJudged ? takenText(checked) : null);
        const end = why === null ? "" : `: ${printable(why)}`;
        return this.#progress.above(() => output.result(`missing  ${path}${end}`));
      }
      case "accepted": {
        this.#counts.accepted += 1;
        record(wouldBe(checked));
        const end = checked.rule === null ? "" : `: ${printable(whereText(checked))}`;
        return this.#progress.above(() => output.result(`accepted ${path}${end}`));
      }
      case "refused":
        record(this.#refused(checked.error));
        return this.#progress.above(() => {
          const [head, ...lines] = errorLines(checked.error, output.areResultsSeen);
          for (const line of [
            `refused  ${path}: ${head}`,
            ...lines.map((it) => `         ${it.trimStart()}`),
          ])
            output.result(line);
        });
    }
  }

  #refused(error: DyncError): object {
    const { code, message, hint } = error;
    this.#counts.refused += 1;
    const isFirst = this.#refusal === null || this.#refusal.code === "metadata-rejected";
    if (isFirst) this.#refusal = error;
    if (hint !== undefined) this.#hints.add(hint);
    return { code, message, faults: listedFaults(error), hint };
  }

  end(): void {
    this.#progress.end();
    const { output } = this.#context;
    const { stored, differ, missing, accepted, refused, failed } = this.#counts;
    const { host: server, port } = this.#server;
    const notChecked = this.#files - stored - differ - missing - accepted - refused - failed;
    const offline = this.#offline && { user: this.#offline.user, at: this.#offline.at };
    output.summarise({ server, port, files: this.#files, ...this.#counts, notChecked, offline });
    this.#sayWhich();
    const parts = [
      ...(stored > 0 || (this.#files === notChecked && !this.#offline) ? [`${stored} stored`] : []),
      ...(differ > 0 ? [`${differ} ${differ === 1 ? "differs" : "differ"}`] : []),
      ...(missing > 0 ? [`${missing} missing`] : []),
      ...(accepted > 0 ? [`${accepted} accepted`] : []),
      ...(refused > 0 ? [`${refused} refused`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(notChecked > 0 ? [`${notChecked} not checked`] : []),
    ];
    output.say(`${this.#files} ${this.#things}${this.#files === 1 ? "" : "s"}: ${parts.join(", ")}`);
    // One of each kind shows how it is done.
    const [hint] = this.#hints;
    if (hint !== undefined) output.say(hint);
  }

  /** By which rules it was judged where that was not the server. */
  #sayWhich(): void {
    if (this.#offline === undefined) return;
    const { user, at } = this.#offline;
    const { output, clock } = this.#context;
    const age = formatDuration(Math.max(0, clock.date().getTime() - Date.parse(at)));
    const whose = `${formatServerAddress(this.#server)} for the user "${user}"`;
    output.say(`Judged by a copy of the rules of ${whose}, as they were ${age} ago (${localTime(at)})`);
  }

  get areAllMissing(): boolean {
    return this.#counts.missing === this.#files;
  }

  get status(): number {
    if (this.#refusal !== null) return this.#refusal.meaning.exit;
    return this.#counts.stored + this.#counts.accepted === this.#files ? 0 : exitNotAll;
  }
}

/** What would become of an upload that is not there, as its answer says. */
function takenText(it: WouldBe): string {
  return it.rule === null ? "would be taken" : `would be taken, ${whereText(it)}`;
}

function whereText({ rule, place }: WouldBe): string {
  return `by the rule "${rule}"${place === null ? "" : `, to ${place}`}`;
}

function wouldBe({ rule, place }: WouldBe): object {
  return { rule: rule ?? undefined, place: place ?? undefined };
}

function whichOf({ origin, name }: Job): { readonly path: string; readonly name: string } {
  return { path: pathOf(origin) ?? "-", name };
}
