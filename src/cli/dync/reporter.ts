// Shows how the jobs of a batch get on and end: the same for `send` and `resume`, which say what else their ends mean.

import { DyncError } from "../../base/error.ts";
import type { Reporter } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import type { Retry } from "../../client/patience.ts";
import { UploadKept } from "../../client/resumption.ts";
import type { Receipt, UploadProgress } from "../../client/upload.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import { datasetName } from "../../protocol/wire/stored-name.ts";
import type { CommandContext } from "../command.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { openProgress } from "../progress.ts";
import type { ProgressState } from "../progress-meter.ts";
import { otherNameHint } from "./name-on-server.ts";
import { PatienceNotes } from "./patience-notes.ts";
import { waitText } from "./wait-words.ts";

/** What a command makes of the end of a job, when the user has seen what there is to see of it. */
export interface JobEnds<J extends Job> {
  stored(job: J, receipt: Receipt & { readonly seconds: number }): void;
  /** What this throws ends the batch. */
  failed(job: J, error: unknown): void;
}

/** The reporter of a command that tries as `retry` says. */
export function reporterFor<J extends Job>(
  { output, clock }: CommandContext,
  retry: Retry,
  ends: JobEnds<J>,
): Reporter<J> {
  return {
    started: (job) => {
      const startedAt = clock.now();
      const view = openProgress({ name: shownName(job), output, clock });
      const onNote = (text: string): void => view.note(text);
      const patience = new PatienceNotes({ ...retry, now: () => clock.now(), note: onNote });
      return {
        onProgress: (progress) => {
          patience.see(progress);
          view.update(progressState(progress));
        },
        onNote,
        onWarning: (text, hint) => view.warn(text, hint),
        onConfirmed: async (receipt) => {
          view.end();
          const elapsedMs = clock.now() - startedAt;
          await showReceipt(job, receipt, elapsedMs, output);
          ends.stored(job, { ...receipt, seconds: elapsedMs / 1000 });
        },
        onFailed: (error) => {
          view.end();
          ends.failed(job, patience.gaveUp(withHint(error, job)));
        },
      };
    },
  };
}

/** Says that it is stored, and prints the checksum. */
async function showReceipt(job: Job, receipt: Receipt, elapsedMs: number, output: Output): Promise<void> {
  output.say(storedText(job, receipt, elapsedMs));
  // Two streams, one terminal: what happened is to be read before the checksum.
  await output.flush();
  if (!output.isQuiet) output.result(checksumLine(job, receipt));
}

/** What is said of a file that is stored. */
export function storedText(
  job: Job,
  { already, bytes, unpacked, storedAs }: Receipt,
  elapsedMs: number,
): string {
  const name = shownName(job, unpacked);
  if (storedAs !== undefined)
    return `Stored already: "${name}", as "${storedAs}" with the same content and metadata`;
  if (already) return `Stored already: "${name}", the same content and metadata`;
  // Short uploads are measured, long ones counted.
  const elapsed = elapsedMs < 10_000 ? `${(elapsedMs / 1000).toFixed(1)} s` : formatDuration(elapsedMs);
  const rate = formatSize((bytes * 1000) / Math.max(elapsedMs, 1));
  return `Stored "${name}": ${formatSize(bytes)} in ${elapsed}, ${rate}/s`;
}

/** What people call it: a dataset has its name without the ending of the tar as which it is sent, if it is unpacked. */
export function shownName({ name, unpack }: Job, unpacked = unpack !== undefined): string {
  return unpacked ? datasetName(name) : name;
}

/** The line that `sha256sum -c` reads: of a dataset about the tar as which it was sent. */
export function checksumLine({ name }: Job, { sha256 }: Receipt): string {
  return `${sha256}  ${printable(name)}`;
}

/** The error with how to go on where that is possible, or with a name that would do where the server has a word against it. */
function withHint(error: unknown, { name }: Job): unknown {
  if (!(error instanceof DyncError)) return error;
  const { code, hint } = error;
  const isRefusal = code === "forbidden" || code === "too-large";
  const other = isRefusal && hint === undefined ? otherNameHint(name) : null;
  const added = error instanceof UploadKept ? wayOn(error.identity.slice(0, 8)) : other;
  if (added === null) return error;
  return error.reworded({ hint: hint === undefined ? added : `${hint}; ${added}` });
}

function wayOn(id: string): string {
  return `"dync resume ${id}" goes on with it, "dync cancel ${id}" drops it`;
}

const waitingTexts = {
  listing: "reading which files there are",
  connection: "connecting",
  approval: "waiting for the server",
  credit: "waiting for the server",
  confirmation: "waiting for the server's confirmation",
  comparison: "comparing it with what is stored",
  pause: "connection lost",
} as const;

/** What the display shows of `progress`. */
export function progressState(progress: UploadProgress): ProgressState {
  const { taken, sent, total, waiting, wait = null, pause } = progress;
  const isStill = waiting !== null && waiting !== "credit" && waiting !== "confirmation";
  return {
    taken,
    // What a connection that is gone carried is not under way any more.
    underWay: isStill ? 0 : Math.max(0, sent - taken),
    total,
    isStill,
    waiting:
      waiting === null ? null : (pause?.reason ?? (wait === null ? waitingTexts[waiting] : waitText(wait))),
    reason: waiting === null ? null : (pause?.code ?? wait?.cause ?? waiting),
    ahead: wait?.ahead ?? null,
    isHeld: wait !== null,
    nextTryAt: pause?.until ?? null,
  };
}
