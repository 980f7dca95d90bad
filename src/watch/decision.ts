// What a person may decide of an entry that its instrument, or its profile, holds back. Pure.

import type { Completion } from "./completion.ts";
import type { WaitReason } from "./wait-reason.ts";

/** `send`: it is sent when it is quiet, whatever its instrument says; `leave`: it is never sent. */
export type Decision = "send" | "leave";

export interface Decided {
  readonly decision: Decision;
  /** Name of the user who decided. */
  readonly by: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

// Not those that say that somebody still writes: half a run is sent by nobody's word.
const heldByInstrument: readonly WaitReason[] = ["no-sign", "incomplete", "run-failed", "run-aborted"];

/** What a rule says of an entry that a person wants sent: where only the instrument is against it, the quiet decides. */
export function overruled(completion: Completion): Completion {
  const isHeld =
    completion.type === "waits"
      ? heldByInstrument.includes(completion.reason)
      : completion.type === "complete" && completion.outcome !== "finished";
  return isHeld ? { type: "by-quiet" } : completion;
}
