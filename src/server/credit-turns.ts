// When the credit office gives out credit: once in each turn of the event loop in which something changed, however
// many chunks came back in it, and when it asked to be called. Hands what it decided to the uploads.

import type { Clock } from "../base/clock.ts";
import { WakeTimer } from "../base/wake-timer.ts";
import type { CreditOffice } from "../protocol/server/credit-office.ts";

/** An upload, as far as its credit goes. */
export interface CreditTaker {
  /** May send `amount` more chunks. */
  grant(amount: number): void;
  /** Gives back what it has not used. */
  reclaim(): void;
}

export interface CreditTurnsParts {
  readonly office: CreditOffice;
  readonly clock: Clock;
  readonly byId: (id: string) => CreditTaker | null | undefined;
  /** Calls `turn` when the messages that are there now were dealt with. */
  readonly soon: (turn: () => void) => void;
}

export class CreditTurns {
  readonly #parts: CreditTurnsParts;
  readonly #timer: WakeTimer;
  #isPlanned = false;
  #isStopped = false;

  constructor(parts: CreditTurnsParts) {
    this.#parts = parts;
    this.#timer = new WakeTimer(parts.clock, () => this.#turn());
  }

  /** The office may have something to give now. */
  changed(): void {
    if (this.#isPlanned || this.#isStopped) return;
    this.#isPlanned = true;
    this.#parts.soon(() => {
      this.#isPlanned = false;
      this.#turn();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer.stop();
  }

  #turn(): void {
    if (this.#isStopped) return;
    const { office, clock, byId } = this.#parts;
    const { grants, reclaims } = office.distribute(clock.now());
    for (const { id, amount } of grants) byId(id)?.grant(amount);
    for (const id of reclaims) byId(id)?.reclaim();
    // Only while somebody waits: a server that has nothing to do does not wake up for it.
    this.#timer.wakeAt(office.wakeAt);
  }
}
