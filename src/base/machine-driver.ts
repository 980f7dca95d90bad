// Drives a value machine (see `protocol/machine.ts`): feeds inputs one after the other, performs what comes out, and
// wakes the machine when it asked for it. Inputs that arise while actions are performed wait their turn.

import type { Clock } from "./clock.ts";
import { timed } from "./stages.ts";
import { WakeTimer } from "./wake-timer.ts";

export interface DrivenMachine<Input, Action> {
  step(input: Input, now: number): readonly Action[];
  readonly wakeAt: number | null;
}

export interface MachineDriverOptions<Input, Action> {
  readonly machine: DrivenMachine<Input, Action>;
  readonly clock: Clock;
  readonly perform: (action: Action) => void;
  /** The input for when the machine's time has come. */
  readonly tick: Input;
}

export class MachineDriver<Input, Action> {
  readonly #options: MachineDriverOptions<Input, Action>;
  readonly #timer: WakeTimer;
  readonly #inputs: Input[] = [];
  #stepping = false;
  #stopped = false;

  constructor(options: MachineDriverOptions<Input, Action>) {
    this.#options = options;
    this.#timer = new WakeTimer(options.clock, () => this.feed(options.tick));
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** Hands `input` over; its actions are performed before this returns, unless it is called from within one. */
  feed(input: Input): void {
    const { machine } = this.#options;
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      timed("machine", () => this.#stepAll());
    } finally {
      this.#stepping = false;
    }
    if (!this.#stopped) this.#timer.wakeAt(machine.wakeAt);
  }

  #stepAll(): void {
    const { machine, clock, perform } = this.#options;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      if (this.#stopped) continue;
      for (const action of machine.step(next, clock.now())) perform(action);
    }
  }

  /** No input counts from now on. */
  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
  }
}
