// Whether a hook works, as the log tells it: the first failure, once an hour while it goes on, and that it is over.

import type { Clock } from "../base/clock.ts";
import type { LogFields, Logger } from "../base/log.ts";

const tellAgainMs = 3_600_000;

export class HookHealth {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Failures since it worked last. */
  #failures = 0;
  /** When that was told last, monotonic ms. */
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(name: string, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#name = name;
    this.#clock = clock;
    this.#logger = logger;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** `message` is a constant sentence that says what follows from it. */
  failed(message: string, about: LogFields): void {
    this.#failures++;
    const now = this.#clock.now();
    if (this.#failures > 1 && now - this.#toldAt < tellAgainMs) return;
    this.#toldAt = now;
    const times = this.#failures === 1 ? {} : { failures: this.#failures };
    this.#logger.log("error", message, { hook: this.#name, ...about, ...times });
  }

  /** Nothing of it fails any more. */
  worked(): void {
    if (this.#failures === 0) return;
    this.#logger.log("info", "Hook works again", { hook: this.#name, failures: this.#failures });
    this.#failures = 0;
  }
}
