// Shows how the jobs of a batch get on and end, above and in the display that they share.

import type { Reporter } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import type { Retry } from "../../client/patience.ts";
import type { BatchProgress } from "../batch-progress.ts";
import type { CommandContext } from "../command.ts";
import type { BatchOutcomes } from "./batch-outcomes.ts";
import { PatienceNotes } from "./patience-notes.ts";
import { checksumLine, progressState, shownName, storedText } from "./reporter.ts";

export interface BatchReporterOptions extends Pick<CommandContext, "output" | "clock"> {
  readonly retry: Retry;
  readonly progress: BatchProgress;
  readonly outcomes: BatchOutcomes;
}

// Of more different things some may be said again.
const saidMax = 1000;

export function batchReporter(options: BatchReporterOptions): Reporter<Job> {
  const { output, clock, retry, progress, outcomes } = options;
  // A thousand files have the same to say of one server, or of one folder.
  const said = new Set<string>();
  const once = (text: string, say: () => void): void => {
    if (said.has(text)) return;
    if (said.size === saidMax) said.clear();
    said.add(text);
    progress.above(say);
  };
  return {
    started: (job) => {
      const startedAt = clock.now();
      const view = progress.open(shownName(job), job.size ?? null);
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
          view.stored(receipt.bytes, receipt.already);
          outcomes.stored(job, { ...receipt, seconds: elapsedMs / 1000 });
          // Who watches sees the display: a line for each of thousands of files is for those who read it later.
          if (!output.isTerminal) output.say(storedText(job, receipt, elapsedMs));
          if (!output.isQuiet && !output.areResultsSeen) output.result(checksumLine(job, receipt));
        },
        onFailed: (error) => {
          view.failed();
          const shown = outcomes.failed(job, patience.gaveUp(error));
          if (shown !== null) progress.above(() => output.error(shown));
        },
      };
    },
  };
}
