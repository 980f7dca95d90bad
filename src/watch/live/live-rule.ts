// When a run of a watched folder is complete that is sent while it is written: as its profile says, unless a person decided otherwise, and not
// before its content is what the instrument's own checksums say. Pure.

import { DyncError } from "../../base/error.ts";
import type { Completion, CompletionRule, EntryView } from "../completion.ts";
import { type Decided, overruled } from "../decision.ts";
import type { Waiting } from "../watch-list.ts";

/** A person decided that the run is left alone: what was sent is kept, unpublished. */
export class RunLeft extends DyncError {
  constructor(path: string) {
    super("source", `"${path}" is left alone: what was sent of it is kept on the server, unpublished`);
  }
}

export interface LiveRuleParts {
  /** From the watched folder on. */
  readonly path: string;
  readonly decided: () => Decided | null;
  /** What its instrument's own checksums have against it. */
  readonly against: (view: EntryView) => Promise<Waiting | null>;
}

/** `rule`, for one run. Its `complete` rejects with `RunLeft`. */
export function liveRule(
  rule: Pick<CompletionRule, "complete">,
  { path, decided, against }: LiveRuleParts,
): Pick<CompletionRule, "complete"> {
  return {
    complete: async (view): Promise<Completion> => {
      const decision = decided()?.decision;
      if (decision === "leave") throw new RunLeft(path);
      const completion = await rule.complete(view);
      if (decision === "send") return overruled(completion);
      if (completion.type !== "complete" || completion.outcome !== "finished") return completion;
      const waiting = await against(view);
      return waiting === null ? completion : { type: "waits", ...waiting };
    },
  };
}
