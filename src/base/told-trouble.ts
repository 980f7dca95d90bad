// Trouble that comes again and again while it lasts, and is told once.

import { messageOf } from "./error.ts";
import type { Logger } from "./log.ts";

export interface TroubleTexts {
  /** What is told when it begins, with the reason. */
  readonly begins: string;
  /** What is told when it is over. */
  readonly ends: string;
}

export class ToldTrouble {
  readonly #logger: Logger;
  readonly #texts: TroubleTexts;
  #isTold = false;

  constructor(logger: Logger, texts: TroubleTexts) {
    this.#logger = logger;
    this.#texts = texts;
  }

  /** It went wrong, for this reason. */
  met(error: unknown): void {
    if (!this.#isTold) this.#logger.log("warn", this.#texts.begins, { reason: messageOf(error) });
    this.#isTold = true;
  }

  /** It went well. */
  over(): void {
    if (this.#isTold) this.#logger.log("info", this.#texts.ends);
    this.#isTold = false;
  }
}
