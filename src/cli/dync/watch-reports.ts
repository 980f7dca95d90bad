// What `dync watch` says: what is sent, what waits for something that a person may want to know of, and how the uploads get on. As JSON
// every change of every entry is told.

import { DyncError } from "../../base/error.ts";
import type { Reporter } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import type { Retry } from "../../client/patience.ts";
import { formatDuration } from "../../config/duration.ts";
import type { Ready } from "../../watch/looker.ts";
import { type WaitReason, waitReasons } from "../../watch/wait-reason.ts";
import { grownDetail, type Waiting, type WatchList } from "../../watch/watch-list.ts";
import type { SendEnds } from "../../watch/watcher.ts";
import type { BatchProgress } from "../batch-progress.ts";
import type { CommandContext } from "../command.ts";
import type { JsonFields } from "../output.ts";
import { printable } from "../printable.ts";
import type { ProgressState } from "../progress-meter.ts";
import { shellWord } from "../shell-words.ts";
import { PatienceNotes } from "./patience-notes.ts";
import { progressState, shownName, storedText } from "./reporter.ts";
import type { TroubleNotices } from "./trouble-notices.ts";

/** A job, and what it was made of. */
export interface WatchJob extends Job {
  readonly ready: Ready;
}

// What passes by itself is worth no line.
const silent: readonly WaitReason[] = [
  "changing",
  "settling",
  "queued",
  "not-reachable",
  "empty",
  "left",
  "vanished",
];
// Nobody is needed for these: they are said, and no warning.
const calm: readonly WaitReason[] = [
  "no-sign",
  "incomplete",
  "open-for-writing",
  "journal-beside",
  "retrying",
];

const begun: ProgressState = {
  ...{ taken: 0, underWay: 0, total: null, isStill: true, waiting: null, nextTryAt: null },
};

export class WatchReports {
  readonly #context: CommandContext;
  /** Who tells a person of what needs one. */
  readonly #notices: TroubleNotices | null;
  /** The display, while something is sent. */
  #progress: BatchProgress | null = null;
  /** Why something was last said to be tried again; `null` since the server confirmed something. */
  #retrying: string | null = null;
  /** How far each upload is that is under way, by path. */
  readonly #underWay = new Map<string, ProgressState>();
  /** Of which it was said that they have changed since they were sent. */
  readonly #grown = new Set<string>();
  readonly counts = { stored: 0, already: 0, failed: 0, bytes: 0 };

  constructor(context: CommandContext, notices: TroubleNotices | null) {
    this.#context = context;
    this.#notices = notices;
  }

  #say(say: () => void): void {
    if (this.#progress === null) say();
    else this.#progress.above(say);
  }

  waiting(path: string, kind: "file" | "folder", { reason, detail, fields }: Waiting): void {
    const { output } = this.#context;
    output.record("entry", { path, kind, state: "waiting", reason, detail, fields });
    this.#notices?.note({ path, reason, detail: detail === "" ? waitReasons[reason] : detail });
    if (detail === grownDetail && !this.#grown.has(path)) {
      this.#grown.add(path);
      this.note(`"${printable(path)}" was sent, and has changed since: it is sent again when it is quiet`);
    }
    if (silent.includes(reason) || output.json) return;
    // A thousand entries wait for one server.
    if (reason === "retrying" && detail === this.#retrying) return;
    if (reason === "retrying") this.#retrying = detail;
    if (reason === "live") return this.note(`"${printable(path)}" is sent from now on, while it is written`);
    const text = waitingText(path, reason, detail) + waysOut(reason, path);
    this.#say(() => (calm.includes(reason) ? output.say(text) : output.warn(text)));
  }

  lost(folder: string, detail: string | null): void {
    const { output } = this.#context;
    this.#notices?.lost(detail);
    output.record("watched", { folder, isThere: detail === null, detail: detail ?? undefined });
    const text = `"${folder}" cannot be watched just now: ${detail}; nothing in it is taken for deleted or complete`;
    if (output.json) return;
    this.#say(() => (detail === null ? output.say(`"${folder}" is there again`) : output.warn(text)));
  }

  /** What happens beside the entries. */
  note(text: string): void {
    this.#say(() => this.#context.output.say(text));
  }

  /** The same, where somebody should know. */
  warn(text: string, hint?: string): void {
    this.#say(() => this.#context.output.warn(text, hint));
  }

  /** What the end of a run waits for that is sent while it is written. */
  liveWaiting(path: string, { reason, detail }: Waiting): void {
    this.#notices?.note({ path, reason, detail: detail === "" ? waitReasons[reason] : detail });
  }

  /** What a folder waits for that is sent along. */
  alsoWaiting(folder: string, { reason, detail }: Waiting): void {
    const { output } = this.#context;
    output.record("also", { folder, state: "waiting", reason, detail });
    this.#notices?.note({ path: folder, reason, detail: detail === "" ? waitReasons[reason] : detail });
    if (reason === "settling" || reason === "changing" || output.json) return;
    this.warn(waitingText(folder, reason, detail));
  }

  /** The server has a folder that is sent along, as it is; `text`: what is to be said of that. */
  alsoKnown(folder: string, fields: JsonFields, text: string | null): void {
    this.#notices?.sent(folder);
    this.#context.output.record("also", fields);
    if (text !== null) this.note(text);
  }

  /** It goes on changing, whatever is waited. */
  restless(path: string, forMs: number): void {
    const forLong = formatDuration(forMs);
    this.warn(
      `"${printable(path)}" was never quiet for long enough in ${forLong}: something goes on writing to it, and it is not sent`,
    );
  }

  /** The calendar went on otherwise than time. */
  clockJumped(byMs: number): void {
    const by = `${byMs > 0 ? "forwards" : "backwards"} by ${formatDuration(Math.abs(byMs))}`;
    this.note(
      `The clock of this computer went ${by} at once: it was set, or the computer slept; how long something is quiet is not measured by it`,
    );
  }

  /** What was sent was taken away. */
  taken(path: string, fields: object, text: string): void {
    const { output } = this.#context;
    output.record("entry", { path, ...fields });
    if (!output.json) this.#say(() => output.say(text));
  }

  /** It stays, since it was not proved. */
  kept(path: string, fields: object, text: string): void {
    const { output } = this.#context;
    output.record("entry", { path, ...fields });
    if (!output.json) this.#say(() => output.warn(text));
  }

  trouble(text: string): void {
    this.#notices?.note({ path: null, reason: "other", detail: text });
    this.#say(() => this.#context.output.warn(text));
  }

  /** What is told of one session of uploads, which is shown by `progress`; `null`: it is not, since it takes days. */
  reporter(progress: BatchProgress | null, retry: Retry, ends: SendEnds): Reporter<WatchJob> {
    const { output, clock } = this.#context;
    if (progress !== null) this.#progress = progress;
    return {
      started: (job) => {
        const startedAt = clock.now();
        const { path, kind } = job.ready.sighting;
        const view = progress?.open(path, job.size ?? null);
        this.#underWay.set(path, { ...begun, total: job.size ?? null });
        const onNote = (text: string): void => this.#say(() => output.say(text));
        const patience = new PatienceNotes({ ...retry, now: () => clock.now(), note: onNote });
        return {
          onProgress: (state) => {
            patience.see(state);
            this.#underWay.set(path, progressState(state));
            view?.update(progressState(state));
          },
          onNote,
          onWarning: (text, hint) => this.#say(() => output.warn(text, hint)),
          onConfirmed: async (receipt) => {
            this.#underWay.delete(path);
            this.#grown.delete(path);
            view?.stored(receipt.bytes, receipt.already);
            this.#retrying = null;
            const { uploadId: id, bytes, sha256, already, unpacked } = receipt;
            const name = receipt.storedAs ?? shownName(job, unpacked);
            const elapsedMs = clock.now() - startedAt;
            this.counts[already ? "already" : "stored"] += 1;
            if (!already) this.counts.bytes += bytes;
            // Remembered first: who reads the line may count on it.
            await ends.stored(job.ready, receipt);
            this.#notices?.sent(path);
            const seconds = elapsedMs / 1000;
            output.record("entry", {
              ...{ path, kind, state: "sent", name, id, bytes, sha256, already, seconds },
            });
            this.#say(() => output.say(storedText(job, receipt, elapsedMs)));
          },
          onFailed: (error) => {
            this.#underWay.delete(path);
            view?.failed();
            const known = patience.gaveUp(error);
            if (known instanceof DyncError) this.counts.failed += 1;
            ends.failed(job.ready, known);
          },
        };
      },
    };
  }

  sessionEnded(): void {
    this.#progress = null;
  }

  /** How far the upload of an entry is; `null`: it is not under way. */
  underWay(path: string): ProgressState | null {
    return this.#underWay.get(path) ?? null;
  }

  /** How many uploads are under way. */
  get uploads(): number {
    return this.#underWay.size;
  }

  /** For the last line of --json. */
  summarise(list: WatchList, folder: string): void {
    this.#context.output.summarise({ folder, ...list.counts, reasons: list.reasons, ...this.counts });
  }
}

/** What is said where it cannot be written down what was sent, as `why` says. */
export function notWritten(why: string): string {
  return `What was sent cannot be written down in DYNC_HOME just now: ${why}; sending goes on, and it is written as soon as that can be`;
}

export const writtenAgain = "What was sent is written down in DYNC_HOME again";

function waitingText(path: string, reason: WaitReason, detail: string): string {
  return `"${printable(path)}" waits (${reason}): ${detail === "" ? waitReasons[reason] : detail}`;
}

/** What a person may do about it. */
function waysOut(reason: WaitReason, path: string): string {
  if (reason !== "run-failed" && reason !== "run-aborted" && reason !== "hash-mismatch") return "";
  const word = shellWord(path);
  return `; to send it all the same: dync watch --send ${word} DIR; to leave it alone: --leave ${word}`;
}
