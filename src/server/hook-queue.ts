// What waits for one hook, handed to it: some at once, each again with growing pauses until the hook takes it. Of what waits only
// that is in memory which is being told just now.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { WakeTimer } from "../base/wake-timer.ts";
import type { Delivery, Outbox } from "../catalogue/outbox.ts";
import { type Hook, pauseAfter } from "../hooks/hook.ts";
import type { RunHook } from "../hooks/runner.ts";
import { toldText } from "../hooks/told.ts";
import { HookHealth } from "./hook-health.ts";

export interface HookQueueParts {
  readonly outbox: Outbox;
  readonly run: RunHook;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
  /** The hook as it is configured now, or `null`: it is not. */
  readonly hookOf: (name: string) => Hook | null;
  readonly signal: AbortSignal;
}

// The timer is set anew in between: the calendar may be set meanwhile.
const lookEveryMs = 600_000;
// The catalogue cannot be asked: a full disk.
const troubleMs = 30_000;

export class HookQueue {
  readonly #name: string;
  readonly #parts: HookQueueParts;
  readonly #running = new Map<number, Promise<void>>();
  readonly #timer: WakeTimer;
  #looking: Promise<void> | null = null;
  #looksAgain = false;
  /** Nothing is begun before (monotonic ms): the catalogue was in trouble. */
  #restsUntil = Number.NEGATIVE_INFINITY;
  readonly #health: HookHealth;

  constructor(name: string, parts: HookQueueParts) {
    this.#name = name;
    this.#parts = parts;
    this.#health = new HookHealth(name, parts);
    this.#timer = new WakeTimer(parts.clock, () => this.look());
  }

  /** Something may be due. */
  look(): void {
    if (this.#parts.signal.aborted) return;
    this.#looksAgain = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
  }

  isRunning(id: number): boolean {
    return this.#running.has(id);
  }

  /** Resolves when nothing runs any more, once the signal aborted. */
  async stopped(): Promise<void> {
    assert(this.#parts.signal.aborted, "what goes on is not waited for");
    this.#timer.stop();
    await this.#looking;
    await Promise.all(this.#running.values());
  }

  async #look(): Promise<void> {
    while (this.#looksAgain && !this.#parts.signal.aborted) {
      this.#looksAgain = false;
      try {
        await this.#startDue();
      } catch (error) {
        const { logger, clock } = this.#parts;
        logger.log("error", "What waits for a hook cannot be looked up", {
          hook: this.#name,
          reason: messageOf(error),
        });
        this.#restsUntil = clock.now() + troubleMs;
        this.#timer.wakeAt(this.#restsUntil);
      }
    }
  }

  async #startDue(): Promise<void> {
    const { outbox, clock, signal } = this.#parts;
    if (clock.now() < this.#restsUntil) return this.#timer.wakeAt(this.#restsUntil);
    const hook = this.#parts.hookOf(this.#name);
    const free = (hook?.atOnce ?? 0) - this.#running.size;
    // Who ends looks again.
    if (hook === null || free <= 0) return;
    const now = clock.date().getTime();
    const due = await outbox.due(this.#name, now, this.#running.size + free + 1);
    const waiting = due.filter(({ id }) => !this.#running.has(id));
    for (const delivery of waiting.slice(0, free)) {
      if (signal.aborted) return;
      const running = this.#deliver(hook, delivery).finally(() => {
        this.#running.delete(delivery.id);
        this.look();
      });
      this.#running.set(delivery.id, running);
    }
    // What ends looks for the next.
    if (waiting.length > free) return;
    const next = await outbox.nextAt(this.#name, now);
    if (next === null) return;
    const waitMs = Math.min(Math.max(0, next - clock.date().getTime()), lookEveryMs);
    this.#timer.wakeAt(clock.now() + waitMs);
  }

  /** Never rejects. */
  async #deliver(hook: Hook, delivery: Delivery): Promise<void> {
    const { outbox, run, clock, signal, logger } = this.#parts;
    const { id, upload, name } = delivery;
    try {
      const body = await outbox.bodyOf(id);
      // Somebody dropped it.
      if (body === null) return;
      const attempt = delivery.attempts + 1;
      const text = toldText(hook, upload, attempt, body);
      const outcome = await run({ hook, upload, attempt, text, answerBytesMax: 0, signal });
      if (outcome.type === "failed") return await this.#failed(delivery, outcome.reason);
      await outbox.delivered(id, clock.date().toISOString());
      logger.log("debug", "Hook told", { hook: hook.name, upload, name, attempt });
      await this.#worked();
    } catch (error) {
      if (signal.aborted) return;
      // It is told again: better twice than never.
      logger.log("error", "What became of a hook was not written down", {
        ...{ hook: hook.name, upload, reason: messageOf(error) },
      });
      this.#restsUntil = this.#parts.clock.now() + troubleMs;
    }
  }

  async #failed({ id, upload, name, attempts: before }: Delivery, reason: string): Promise<void> {
    const { outbox, clock, random } = this.#parts;
    const attempts = before + 1;
    const pauseMs = pauseAfter(attempts, random());
    await outbox.failed({ id, attempts, nextAt: clock.date().getTime() + pauseMs, error: reason });
    this.#health.failed("Hook failed, and is told again later", { upload, name, reason, attempt: attempts });
  }

  async #worked(): Promise<void> {
    if (!this.#health.isFailing) return;
    // As long as one delivery cannot be made, it is not over.
    if (!(await this.#parts.outbox.isFailing(this.#name))) this.#health.worked();
  }
}
