// Shows how the jobs of a batch get on and end, above and in the display that they share.

import type { Reporter } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import type { Retry } from "../../client/patience.ts";
import type { BatchProgress } from "../batch-progress.ts";
import type { CommandContext } from "../command.ts";
import type { BatchOutcomes } from "./batch-outcomes.ts";
import { PatienceNotes } from "./patience-notes.ts";
import { progressState, showReceipt } from "./reporter.ts";

export interface BatchReporterOptions extends Pick<CommandContext, "output" | "clock"> {
  readonly retry: Retry;
  readonly progress: BatchProgress;
  readonly outcomes: BatchOutcomes;
}

export function batchReporter(options: BatchReporterOptions): Reporter<Job> {
  const { output, clock, retry, progress, outcomes } = options;
  // A thousand files have the same to say of one server, or of one folder.
  const said = new Set<string>();
  const once = (text: string, say: () => void): void => {
    if (said.has(text)) return;
    said.add(text);
    void progress.above(say);
  };
  return {
    started: (job) => {
      const startedAt = clock.now();
      const view = progress.open(job.name);
      const onNote = (text: string): void => once(text, () => output.say(text));
      const patience = new PatienceNotes({ ...retry, now: () => clock.now(), note: onNote });
      return {
        onProgress: (state) => {
          patience.see(state);
          view.update(progressState(state));
        },
        onNote,
        onWarning: (text, hint) => once(text, () => output.warn(text, hint)),
        onConfirmed: async (receipt) => {
          const elapsedMs = clock.now() - startedAt;
          view.end(receipt.bytes);
          outcomes.stored(job, { ...receipt, seconds: elapsedMs / 1000 });
          await progress.above(() => showReceipt(job, receipt, elapsedMs, output));
        },
        onFailed: (error) => {
          view.end(null);
          const failure = patience.gaveUp(error);
          const show = outcomes.failed(job, failure);
          if (show !== null) void progress.above(() => output.error(show));
        },
      };
    },
  };
}
