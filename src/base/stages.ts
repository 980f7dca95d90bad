// Where a thread's time goes, by what is done: counted where it is done, while somebody wants to know. Else each place costs one look
// at a variable. Each thread counts its own: what a worker does is not in the table of the thread that asked for it.

import type { Clock } from "./clock.ts";

/** What is told apart, in the order in which an upload comes by; `doc/operations.md` says what each is. */
export const stageNames = [
  "receive",
  "decode",
  "handle",
  "machine",
  "hash",
  "write",
  "names",
  "sync",
  "catalogue",
  "commit",
  "publish",
  "send",
  "release",
] as const;
export type Stage = (typeof stageNames)[number];

export interface StageTime {
  /** How often. */
  readonly count: number;
  /** From begin to end, also while it waited for others, in all. */
  readonly wallMs: number;
  /** In which it kept the thread, without the stages within it. */
  readonly heldMs: number;
}

interface Row {
  count: number;
  wallMs: number;
  heldMs: number;
}

export class Stages {
  readonly #clock: Pick<Clock, "now">;
  readonly #rows = new Map<Stage, Row>(
    stageNames.map((name) => [name, { count: 0, wallMs: 0, heldMs: 0 }] as const),
  );
  /** What stages within the running one kept the thread for. */
  #withinMs = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** What was counted so far. */
  table(): Readonly<Record<Stage, StageTime>> {
    const rows = [...this.#rows].map(([name, row]) => [name, { ...row }] as const);
    return Object.fromEntries(rows) as Record<Stage, StageTime>;
  }

  run<T>(stage: Stage, act: () => T): T {
    const row = this.#rows.get(stage) as Row;
    const outerMs = this.#withinMs;
    this.#withinMs = 0;
    const beganAt = this.#clock.now();
    let result: T | undefined;
    try {
      result = act();
      return result;
    } finally {
      const ms = this.#clock.now() - beganAt;
      row.count++;
      row.heldMs += ms - this.#withinMs;
      this.#withinMs = outerMs + ms;
      const end = (): void => {
        row.wallMs += this.#clock.now() - beganAt;
      };
      // Whoever asked gets what was made, and hears of a failure: here only its time counts.
      if (result instanceof Promise) result.then(end, end);
      else row.wallMs += ms;
    }
  }
}

let counting: Stages | null = null;

/** Has `stages` count what this thread does from now on; `null`: nobody counts. */
export function countStages(stages: Stages | null): void {
  counting = stages;
}

/** Does it, and counts its time as that of `stage`; of what returns a promise, until that is settled. */
export function timed<T>(stage: Stage, act: () => T): T {
  return counting === null ? act() : counting.run(stage, act);
}
