// Where a thread's time goes, by what is done: counted where it is done, while somebody wants to know. Else each place costs one look
// at a variable. Each thread counts its own, a worker in memory that the main thread reads, also when the worker is no more.

import { assert } from "./assert.ts";
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

export type StageTable = Readonly<Record<Stage, StageTime>>;

// Of each stage, one after the other: how often, wall ms, held ms.
const columns = 3;
const [count, wallMs, heldMs] = [0, 1, 2];
const tableBytes = stageNames.length * columns * Float64Array.BYTES_PER_ELEMENT;
const places = new Map(stageNames.map((name, index) => [name, index * columns] as const));

export class Stages {
  readonly #clock: Pick<Clock, "now">;
  readonly #times: Float64Array;
  readonly #workers: Float64Array[] = [];
  /** What stages within the running one kept the thread for. */
  #withinMs = 0;

  /** `memory`: what `ofWorker` gave, in a worker. */
  constructor(clock: Pick<Clock, "now">, memory: ArrayBufferLike = new ArrayBuffer(tableBytes)) {
    this.#clock = clock;
    this.#times = new Float64Array(memory);
    assert(this.#times.byteLength === tableBytes, "both threads know the same stages");
  }

  /** Memory in which one more worker counts. */
  ofWorker(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(tableBytes);
    this.#workers.push(new Float64Array(memory));
    return memory;
  }

  /** What this thread counted so far. */
  table(): StageTable {
    return tableOf([this.#times]);
  }

  /** What all of its workers did, together, those that ended as well. */
  workersTable(): StageTable {
    return tableOf(this.#workers);
  }

  run<T>(stage: Stage, act: () => T): T {
    const times = this.#times;
    const place = places.get(stage) as number;
    const add = (column: number, amount: number): void => {
      times[place + column] = (times[place + column] as number) + amount;
    };
    const outerMs = this.#withinMs;
    this.#withinMs = 0;
    const beganAt = this.#clock.now();
    let result: T | undefined;
    try {
      result = act();
      return result;
    } finally {
      const ms = this.#clock.now() - beganAt;
      add(count, 1);
      add(heldMs, ms - this.#withinMs);
      this.#withinMs = outerMs + ms;
      const end = (): void => add(wallMs, this.#clock.now() - beganAt);
      // Whoever asked gets what was made, and hears of a failure: here only its time counts.
      if (result instanceof Promise) result.then(end, end);
      else add(wallMs, ms);
    }
  }
}

function tableOf(all: readonly Float64Array[]): StageTable {
  const sum = (place: number): number => all.reduce((total, times) => total + (times[place] as number), 0);
  const rows = [...places].map(([name, place]) => {
    const row = { count: sum(place + count), wallMs: sum(place + wallMs), heldMs: sum(place + heldMs) };
    return [name, row] as const;
  });
  return Object.fromEntries(rows) as Record<Stage, StageTime>;
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

/** Where a worker that is started now is to count; `null`: nobody does. */
export function stagesOfWorker(): SharedArrayBuffer | null {
  return counting?.ofWorker() ?? null;
}
