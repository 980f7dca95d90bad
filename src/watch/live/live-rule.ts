// When a run of a watched folder is complete that is sent while it is written: as its profile says, unless a person decided otherwise, and not
// before its content is what the instrument's own checksums say. Pure.

import type { Clock } from "../../base/clock.ts";
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

/** The run was not to be seen for long. */
export class RunAway extends DyncError {
  constructor(path: string) {
    const text = `"${path}" was not there for a day: what was sent of it is kept on the server, and gone on with when it is there again`;
    super("source", text);
  }
}

// Of a drive that comes back sooner nobody has to be told.
const awayMsMax = 24 * 60 * 60_000;

export interface LiveRuleParts {
  readonly clock: Pick<Clock, "now">;
  /** Whether it cannot be seen just now. */
  readonly isAway: () => boolean;
  /** From the watched folder on. */
  readonly path: string;
  readonly decided: () => Decided | null;
  /** What its instrument's own checksums have against it. */
  readonly against: (view: EntryView) => Promise<Waiting | null>;
}

/** `rule`, for one run. Its `complete` rejects with `RunLeft` and `RunAway`. */
export function liveRule(
  rule: Pick<CompletionRule, "complete">,
  { path, clock, isAway, decided, against }: LiveRuleParts,
): Pick<CompletionRule, "complete"> {
  let awaySince: number | null = null;
  return {
    complete: async (view): Promise<Completion> => {
      awaySince = isAway() ? (awaySince ?? clock.now()) : null;
      if (awaySince !== null && clock.now() - awaySince >= awayMsMax) throw new RunAway(path);
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
