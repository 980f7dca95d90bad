// How fast this process may send just now: what it was started with, or what was said since in `DYNC_HOME/limit`, which
// `dync limit` writes and removes. Looked at while something is sent, so that it takes effect within a second on any system,
// and without anything that would have to listen.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { systemCode } from "../../base/error.ts";
import { parseRateLimit, type Rate, type RateLimit, rateAt } from "../../config/rate-limit.ts";

export interface CurrentLimitOptions {
  readonly clock: Clock;
  /** The folder of keys and state. */
  readonly home: string;
  /** What counts until another is said. */
  readonly given: RateLimit | null;
  /** Text of the file when `given` was decided on, `null` where there was none. */
  readonly text: string | null;
  /** What counts when the file goes away. */
  readonly withoutFile: RateLimit | null;
}

const lookAgainMs = 500;

/** The file by which a limit is said to processes that run. */
export function limitFile(home: string): string {
  return join(home, "limit");
}

export class CurrentLimit {
  readonly #options: CurrentLimitOptions;
  #limit: RateLimit | null;
  #text: string | null;
  #lookedAt: number;
  #isLooking = false;

  constructor(options: CurrentLimitOptions) {
    this.#options = options;
    this.#limit = options.given;
    this.#text = options.text;
    this.#lookedAt = options.clock.now();
  }

  /** Bytes a second that may be sent now, `null` for any. */
  rate(): Rate {
    const { clock } = this.#options;
    if (!this.#isLooking && clock.now() >= this.#lookedAt + lookAgainMs) void this.look();
    return this.#limit === null ? null : rateAt(this.#limit, clock.date());
  }

  /** Takes what the file says where that is new. What cannot be read changes nothing: sending goes on as it was. */
  async look(): Promise<void> {
    const { clock, home } = this.#options;
    this.#isLooking = true;
    try {
      this.#take(await readFile(limitFile(home), "utf8"));
    } catch (error) {
      if (systemCode(error) === "ENOENT") this.#take(null);
    } finally {
      this.#isLooking = false;
      this.#lookedAt = clock.now();
    }
  }

  #take(text: string | null): void {
    if (text === this.#text) return;
    this.#text = text;
    const parsed = text === null ? null : parseRateLimit(text);
    if (parsed === null) this.#limit = this.#options.withoutFile;
    else if (parsed.ok) this.#limit = parsed.value;
  }
}
