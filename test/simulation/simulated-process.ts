// A process of the simulation: what runs in it runs until it is killed, and not while it is frozen. Killed code never
// gets another turn, as with `kill -9`: its timers do not fire, nothing that it waits for arrives.

import type { Clock } from "../../src/base/clock.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export class SimulatedProcess {
  readonly clock: Clock;
  readonly #time: VirtualClock;
  readonly #postponed: (() => void)[] = [];
  #isAlive = true;
  #isFrozen = false;

  constructor(time: VirtualClock) {
    this.#time = time;
    this.clock = {
      now: () => time.now(),
      date: () => time.date(),
      after: (delayMs, callback) => time.after(delayMs, () => this.run(callback)),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Runs `callback` in this process: now, or when it wakes up, or never. */
  run(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isFrozen) this.#postponed.push(callback);
    else callback();
  }

  /** Resolves after `delayMs`, in this process. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(delayMs, resolve));
  }

  kill(): void {
    this.#isAlive = false;
    this.#postponed.length = 0;
  }

  /** Stops it for a while; its connections stay open. */
  freeze(forMs: number): void {
    if (this.#isFrozen || !this.#isAlive) return;
    this.#isFrozen = true;
    this.#time.after(forMs, () => {
      this.#isFrozen = false;
      for (const callback of this.#postponed.splice(0)) this.run(callback);
    });
  }
}
