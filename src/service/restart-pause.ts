// What a service remembers of its last start, and how long it waits before it begins again after one that was in vain: the systems
// that start it do so at once, or after a pause that never grows. Pure.

import * as v from "valibot";

export interface RunState {
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** How many starts before this one ended soon, one after the other. */
  readonly inVain: number;
  /** It begins not before then; `null`: it began at once. */
  readonly pausedUntil: string | null;
  /** Somebody asked it to end, and it did. */
  readonly isEnded: boolean;
}

// Who ran for so long did not fail at the start.
const soonMs = 10 * 60_000;
const pauseMsMin = 5_000;
const pauseMsMax = 5 * 60_000;

/** How many starts were in vain, when one more comes `elapsedMs` after the last. */
export function startsInVain(last: Pick<RunState, "inVain" | "isEnded"> | null, elapsedMs: number): number {
  if (last === null || last.isEnded) return 0;
  return elapsedMs >= 0 && elapsedMs < soonMs + restartPauseMs(last.inVain) ? last.inVain + 1 : 0;
}

/** In ms. One crash costs nothing; from the second on pauses grow. */
export function restartPauseMs(inVain: number): number {
  return inVain < 2 ? 0 : Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(inVain - 1, 20));
}

const form = v.object({
  pid: v.number(),
  startedAt: v.string(),
  inVain: v.number(),
  pausedUntil: v.nullable(v.string()),
  isEnded: v.boolean(),
});

/** `null` where that is none. */
export function readRunState(text: string): RunState | null {
  try {
    const parsed = v.safeParse(form, JSON.parse(text));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
