// How a hook is run: the contract. `run/` implements it with programs.

import type { Hook } from "./hook.ts";

export interface HookCall {
  readonly hook: Hook;
  /** Id of the upload. */
  readonly upload: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** What it is told, as JSON text. */
  readonly text: string;
  /** How many bytes it may answer with; 0: what it prints is thrown away. */
  readonly answerBytesMax: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export type HookOutcome =
  | { readonly type: "done"; readonly output: Uint8Array }
  /** On one line: what it did, or did not do. */
  | { readonly type: "failed"; readonly reason: string };

/** Tells a hook once, for as long as it may take. Rejects with the signal's reason where that aborts, else never. */
export type RunHook = (call: HookCall) => Promise<HookOutcome>;
