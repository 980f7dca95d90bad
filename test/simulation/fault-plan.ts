// Which kinds of fault a run has, and how often: chosen by the seed. Leaving kinds out matters as much as having
// them ("swarm testing"): a fault that strikes all the time hides what only happens when it does not.

import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** Faults that strike a message, with the probability for each message. */
export type MessageFault = "loss" | "repeat" | "cut-at-message" | "damaged-header";

/** Faults of the disk, with the probability for each operation. */
export type DiskFault =
  | "write-error"
  | "short-write"
  | "sync-error"
  | "read-error"
  | "crash-at-step"
  | "catalogue-trouble";

/** A worker is at fault, with the probability for each message that it gets. */
export type WorkerFault = "worker-fault";

/** Faults that strike now and then. */
export type TimedFault =
  | "cut"
  | "half-open"
  | "server-stop"
  | "server-crash"
  | "power-loss"
  | "client-crash"
  | "freeze"
  | "server-freeze"
  | "disk-full"
  | "key-removed"
  | "intruder"
  | "question"
  | "cancel";

/** Properties of the whole run. */
export type Condition = "stale" | "jitter" | "slow-client" | "slow-disk" | "scarce-memory" | "reconfigure";

export type FaultKind = MessageFault | DiskFault | WorkerFault | TimedFault | Condition;

export class FaultPlan {
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #rates = new Map<FaultKind, number>();
  #isHealed = false;

  /** `kinds` are those that the level knows; about half of them will be on, none at all in some runs. */
  constructor(random: Random, clock: VirtualClock, kinds: readonly FaultKind[]) {
    this.#random = random;
    this.#clock = clock;
    const density = random.pick([0, 0.2, 0.5, 0.5, 0.8]);
    for (const kind of kinds) if (random.chance(density)) this.#rates.set(kind, random.magnitude(0.002, 0.2));
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** Kinds that are on, for the trace. */
  get kinds(): readonly FaultKind[] {
    return [...this.#rates.keys()];
  }

  /** Whether this kind is part of the run, healed or not. */
  includes(kind: FaultKind): boolean {
    return this.#rates.has(kind);
  }

  /** Whether the fault strikes this one message or operation. */
  strikes(kind: MessageFault | DiskFault | WorkerFault): boolean {
    const rate = this.#rates.get(kind);
    return rate !== undefined && !this.#isHealed && this.#random.chance(rate);
  }

  /** Whether the condition holds now. */
  holds(kind: Condition): boolean {
    return this.#rates.has(kind) && !this.#isHealed;
  }

  /** Calls `strike` again and again until all is healed, every `meanMs` on average at the highest rate. */
  repeat(kind: TimedFault, meanMs: number, strike: () => void): void {
    const rate = this.#rates.get(kind);
    if (rate === undefined) return;
    const next = (): void => {
      this.#clock.after(this.#random.interval((meanMs * 0.2) / rate), () => {
        if (this.#isHealed) return;
        strike();
        next();
      });
    };
    next();
  }

  /** No fault strikes from now on. */
  heal(): void {
    this.#isHealed = true;
  }
}
