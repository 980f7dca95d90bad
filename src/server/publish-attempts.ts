// Uploads that are complete and not published: a crash, or a disk, was in the way. Each is published again when somebody
// asks for it, in the background, and why that failed is told to who waits for it.

import type { Clock } from "../base/clock.ts";
import type { Question, Refusal } from "../protocol/server/upload-life.ts";
import { refusalOf } from "./refusal.ts";

interface Attempt {
  /** Latest question that was answered with 503 since it began; `null`: nobody asked. */
  asked: Question | null;
  /** Why it failed, and when (monotonic ms); `null` while it goes on. */
  failed: { readonly refusal: Refusal; readonly at: number } | null;
}

// Whoever was told to come later is back by then: a client's pauses are half a minute at most. For anybody else the
// disk may have room by now.
const failedMs = 60_000;

export class PublishAttempts {
  readonly #clock: Clock;
  /** Publishes the upload with this id, for which somebody waits or not; must tell of its failure itself, and reject. */
  readonly #publish: (id: string, isAwaited: boolean) => Promise<void>;
  readonly #attempts = new Map<string, Attempt>();

  constructor(clock: Clock, publish: (id: string, isAwaited: boolean) => Promise<void>) {
    this.#clock = clock;
    this.#publish = publish;
  }

  isRunning(id: string): boolean {
    return this.#attempts.get(id)?.failed === null;
  }

  /**
   * Publishes upload `id`, unless that is under way. Returns why the attempt before failed, where `question` waits for
   * that; else what resolves when this one is over, and never rejects.
   *
   * Told once, and only to who waits for it: who asks again after that, or asks something else (a question that was
   * under way when the upload ended, then a new process that posts its file), wants it tried again.
   */
  begin(id: string, question: Question | null): Refusal | Promise<void> {
    const before = this.#attempts.get(id);
    if (before?.failed === null) {
      before.asked = question;
      return Promise.resolve();
    }
    this.#attempts.delete(id);
    const isWaitedFor = before !== undefined && (before.asked === null || before.asked === question);
    if (isWaitedFor && this.#clock.now() - before.failed.at <= failedMs) return before.failed.refusal;
    return this.#run(id, { asked: question, failed: null });
  }

  async #run(id: string, attempt: Attempt): Promise<void> {
    this.#attempts.set(id, attempt);
    try {
      await this.#publish(id, attempt.asked !== null);
      this.#attempts.delete(id);
    } catch (error) {
      attempt.failed = { refusal: refusalOf(error), at: this.#clock.now() };
    }
  }
}
