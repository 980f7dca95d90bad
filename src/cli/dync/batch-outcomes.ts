// What became of the files of a batch: counted as they end, with the reason of each that failed, and summed up. Memory
// is bounded: of what is stored only the number is kept.

import { DyncError } from "../../base/error.ts";
import type { Batch, BatchJob } from "../../client/batch/batch.ts";
import type { Job } from "../../client/job.ts";
import { pathOf } from "../../client/origin.ts";
import { BeingSent, isFinal, isRefused, UploadKept } from "../../client/resumption.ts";
import { isOfServer } from "../../client/servers.ts";
import type { Receipt } from "../../client/upload.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import { type CommandContext, exitNotAll } from "../command.ts";
import { listedFaults } from "../fault-lines.ts";
import type { JsonFields } from "../output.ts";
import type { Outcome } from "./outcomes.ts";

/** One that failed, as the summary names it. */
interface Failure {
  readonly path: string;
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

export interface BatchOutcomesOptions extends Pick<CommandContext, "output" | "signal" | "clock"> {
  /** How many files there are, `null` where that is not known. */
  readonly files: number | null;
  /** Whose jobs are marked when nobody shall try them again. */
  readonly batches: readonly Batch[];
  /** What else the JSON line about a job has. */
  readonly fieldsOf?: (job: Job) => JsonFields;
  /** Is told how each ended. */
  readonly noted?: (job: Job, outcome: Outcome) => void;
}

// Each was named when it failed; the summary repeats so many.
const failuresMax = 1000;

export class BatchOutcomes {
  readonly #options: BatchOutcomesOptions;
  readonly #startedAt: number;
  readonly #failures: Failure[] = [];
  /** How many failed for what, and the first of them. */
  readonly #reasons = new Map<string, { readonly path: string; count: number }>();
  /** What was said of servers: the same for every file. */
  readonly #ofServers = new Map<string, DyncError>();
  readonly #counts = {
    stored: 0,
    already: 0,
    failed: 0,
    stopped: 0,
    skipped: 0,
    bytes: 0,
    ofServers: 0,
    final: 0,
    refused: 0,
  };

  constructor(options: BatchOutcomesOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  stored(job: Job, receipt: Receipt & { readonly seconds: number }): void {
    this.#settle(job);
    if (receipt.already) this.#counts.already += 1;
    else {
      this.#counts.stored += 1;
      this.#counts.bytes += receipt.bytes;
    }
    this.#note(job, { outcome: "stored", ...receipt });
  }

  /**
   * Notes a failure, so that the others get their turn. Returns how it is to be shown, `null` where that was said
   * already. Throws it when it ends the batch: it is the program's, or the user stops it all.
   */
  failed(job: Job, error: unknown): DyncError | null {
    if (!(error instanceof DyncError)) throw error;
    const { code, message, hint } = error;
    const { signal } = this.#options;
    if (error instanceof BeingSent) this.#counts.skipped += 1;
    else if (signal.aborted) this.#counts.stopped += 1;
    else this.#counts.failed += 1;
    if (isFinal(job, error)) {
      this.#counts.final += 1;
      this.#settle(job);
    } else if (isRefused(error)) this.#counts.refused += 1;
    const kept = error instanceof UploadKept ? { resume: error.identity } : {};
    const outcome = error instanceof BeingSent ? "skipped" : "failed";
    const faults = listedFaults(error);
    this.#note(job, { outcome, code, message, faults, hint, exit: error.meaning.exit, ...kept });
    if (signal.aborted) throw error;
    this.#noteReason({ ...whichOf(job), code, message });
    return isOfServer(error) ? this.#ofServer(error) : aboutFile(job, error);
  }

  /** So many files are another process's. */
  skipped(files: number): void {
    this.#counts.skipped += files;
  }

  #note(job: Job, outcome: Outcome): void {
    const fields = this.#options.fieldsOf?.(job) ?? {};
    this.#options.output.record("file", { ...fields, ...whichOf(job), ...outcome });
    this.#options.noted?.(job, outcome);
  }

  #settle(job: Job): void {
    const { batch: id } = job.place ?? {};
    if (id != null) this.#options.batches.find((batch) => batch.id === id)?.settle(job as BatchJob);
  }

  #noteReason(failure: Failure): void {
    if (this.#failures.length < failuresMax) this.#failures.push(failure);
    const known = this.#reasons.get(failure.message);
    if (known !== undefined) known.count += 1;
    else if (this.#reasons.size < failuresMax)
      this.#reasons.set(failure.message, { path: failure.path, count: 1 });
  }

  #ofServer(error: DyncError): DyncError | null {
    this.#counts.ofServers += 1;
    if (this.#ofServers.has(error.message)) return null;
    this.#ofServers.set(error.message, error);
    return error;
  }

  /** The exit status: 0 when all is confirmed; where nothing could be sent for one reason, that one's. */
  get status(): number {
    const { stored, already, failed, skipped, ofServers } = this.#counts;
    if (failed + skipped === 0) return 0;
    const [reason, another] = this.#ofServers.values();
    const isOne = another === undefined && ofServers === failed;
    return reason !== undefined && isOne && stored + already + skipped === 0
      ? reason.meaning.exit
      : exitNotAll;
  }

  /** Files that another command can go on with. */
  get left(): number {
    const { stored, already, final } = this.#counts;
    return this.#files - stored - already - final;
  }

  /** Those of them that the server refused. */
  get refused(): number {
    return this.#counts.refused;
  }

  /** How many files there are, `null` where that is not known. */
  get files(): number | null {
    return this.#options.files;
  }

  get #files(): number {
    const { stored, already, failed, stopped, skipped } = this.#counts;
    return Math.max(this.files ?? 0, stored + already + failed + stopped + skipped);
  }

  /** Says at the end how many are stored, and which failed why. */
  summarise(): void {
    const { output, clock } = this.#options;
    const { stored, already, failed, stopped, skipped, bytes } = this.#counts;
    const seconds = (clock.now() - this.#startedAt) / 1000;
    const files = this.#files;
    const notTried = files - stored - already - failed - stopped - skipped;
    const failures = this.#failures;
    const counts = { files, stored, already, failed, stopped, skipped, notTried, bytes, seconds };
    output.summarise({ ...counts, failures });
    const rate = `${formatSize(bytes)} in ${formatDuration(seconds * 1000)}, ${formatSize(bytes / Math.max(seconds, 0.001))}/s`;
    const parts = [
      ...(stored > 0 ? [`${stored} stored (${rate})`] : []),
      ...(already > 0 ? [`${already} stored already`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(stopped > 0 ? [`${stopped} stopped`] : []),
      ...(skipped > 0 ? [`${skipped} skipped`] : []),
      ...(notTried > 0 ? [`${notTried} not tried`] : []),
    ];
    output.say(`${files} ${files === 1 ? "file" : "files"}: ${parts.join(", ")}`);
    let named = 0;
    for (const [message, { path, count }] of this.#reasons) {
      const others = count === 1 ? "" : ` and ${count - 1} more`;
      output.say(`  "${path}"${others}: ${message}`);
      named += count;
    }
    const more = failed + skipped - named;
    if (this.#reasons.size === failuresMax && more > 0) output.say(`  and ${more} more, each named above`);
  }
}

function whichOf({ origin, name }: Job): { readonly path: string; readonly name: string } {
  return { path: pathOf(origin) ?? "-", name };
}

/** The error as it is to be read where it is one of many: it says which file it is about. */
function aboutFile(job: Job, error: DyncError): DyncError {
  const { path } = whichOf(job);
  const { message } = error;
  const isNamed = [path, job.name].some((name) => message.includes(`"${name}"`));
  return isNamed ? error : error.reworded({ message: `"${path}": ${message}` });
}
