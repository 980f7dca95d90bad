// What became of the files of a batch: counted as they end, with the reason of each that failed, and summed up. Memory
// is bounded: of what is stored only the number is kept.

import { DyncError } from "../../base/error.ts";
import type { Job } from "../../client/file-upload.ts";
import { UploadKept } from "../../client/resumption.ts";
import { isOfServer } from "../../client/servers.ts";
import type { Receipt } from "../../client/upload.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import type { CommandContext } from "../command.ts";
import { printable } from "../printable.ts";

/** One that failed, as the summary names it. */
interface Failure {
  readonly path: string;
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

const exitSomeFailed = 3;
// Each was named when it failed; the summary repeats so many.
const failuresMax = 1000;

export class BatchOutcomes {
  readonly #context: Pick<CommandContext, "output" | "signal" | "clock">;
  readonly #files: number | null;
  readonly #startedAt: number;
  readonly #failures: Failure[] = [];
  /** What was said of servers: the same for every file. */
  readonly #ofServers = new Map<string, DyncError>();
  #stored = 0;
  #already = 0;
  #failed = 0;
  #failedOfServers = 0;
  #bytes = 0;

  /** `files`: how many there are, `null` where that is not known. */
  constructor(context: Pick<CommandContext, "output" | "signal" | "clock">, files: number | null) {
    this.#context = context;
    this.#files = files;
    this.#startedAt = context.clock.now();
  }

  stored(job: Job, receipt: Receipt & { readonly seconds: number }): void {
    if (receipt.already) this.#already += 1;
    else {
      this.#stored += 1;
      this.#bytes += receipt.bytes;
    }
    this.#context.output.record("file", { ...whichOf(job), outcome: "stored", ...receipt });
  }

  /**
   * Notes a failure, so that the others get their turn. Returns how it is to be shown, `null` where that was said
   * already. Throws it when it ends the batch: it is the program's, or the user stops it all.
   */
  failed(job: Job, error: unknown): DyncError | null {
    if (!(error instanceof DyncError)) throw error;
    const { code, message, hint } = error;
    const { output, signal } = this.#context;
    this.#failed += 1;
    const id = error instanceof UploadKept ? { id: error.identity } : {};
    const fields = { outcome: "failed", code, message, hint, exit: error.meaning.exit, ...id };
    output.record("file", { ...whichOf(job), ...fields });
    if (signal.aborted) throw interruptionOf(error);
    if (this.#failures.length < failuresMax) this.#failures.push({ ...whichOf(job), code, message });
    return isOfServer(error) ? this.#ofServer(error) : aboutFile(job, error);
  }

  #ofServer(error: DyncError): DyncError | null {
    this.#failedOfServers += 1;
    if (this.#ofServers.has(error.message)) return null;
    this.#ofServers.set(error.message, error);
    return error;
  }

  /** The exit status: 0 when all is confirmed; where nothing could be sent for one reason, that one's. */
  get status(): number {
    if (this.#failed === 0) return 0;
    const [reason, another] = this.#ofServers.values();
    const isOne = another === undefined && this.#failedOfServers === this.#failed;
    const isNothingStored = this.#stored + this.#already === 0;
    return reason !== undefined && isOne && isNothingStored ? reason.meaning.exit : exitSomeFailed;
  }

  /** Says at the end how many are stored, and which failed why. */
  summarise(): void {
    const { output, clock } = this.#context;
    const [stored, already, failed, bytes] = [this.#stored, this.#already, this.#failed, this.#bytes];
    const elapsedMs = clock.now() - this.#startedAt;
    const files = this.#files ?? stored + already + failed;
    const notTried = files - stored - already - failed;
    const failures = this.#failures;
    const counts = { files, stored, already, failed, notTried, bytes, seconds: elapsedMs / 1000 };
    output.summarise({ ...counts, failures });
    const rate = `${formatSize(bytes)} in ${formatDuration(elapsedMs)}, ${formatSize((bytes * 1000) / Math.max(elapsedMs, 1))}/s`;
    const parts = [
      ...(stored > 0 ? [`${stored} stored (${rate})`] : []),
      ...(already > 0 ? [`${already} stored already`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(notTried > 0 ? [`${notTried} not tried`] : []),
    ];
    output.say(`${files} files: ${parts.join(", ")}`);
    for (const text of reasonsOf(failures)) output.say(text);
    if (failed > failures.length) output.say(`  and ${failed - failures.length} more, each named above`);
  }
}

/** A line for each that failed; those with the same reason share one where that says nothing of the file. */
function reasonsOf(failures: readonly Failure[]): readonly string[] {
  const names = new Map<string, string[]>();
  for (const { path, message } of failures) {
    const known = names.get(message);
    if (known === undefined) names.set(message, [path]);
    else known.push(path);
  }
  return [...names].map(([message, [first, ...more]]) => {
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    return `  "${printable(`${first}`)}"${others}: ${message}`;
  });
}

function whichOf({ path, name }: Job): { readonly path: string; readonly name: string } {
  return { path: path ?? "-", name };
}

/** The error as it is to be read where it is one of many: it says which file it is about. */
function aboutFile(job: Job, error: DyncError): DyncError {
  const { path } = whichOf(job);
  const { code, message, hint } = error;
  const isNamed = [path, job.name].some((name) => message.includes(`"${name}"`));
  return isNamed ? error : new DyncError(code, `"${path}": ${message}`, { cause: error, hint });
}

/** What is said once where all that was under way ends. */
function interruptionOf(error: DyncError): DyncError {
  const hint = "the same command goes on: what is stored is not sent again";
  return new DyncError(error.code, error.message, { cause: error, hint });
}
