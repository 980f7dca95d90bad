// The main thread's end of one thread for bodies.

import { messageOf } from "../../../base/error.ts";
import { workerUrl } from "../../../base/worker-url.ts";
import { ThreadGone } from "../client/body-work.ts";
import { NoAnswer } from "../client/s3-error.ts";
import type { Answer, FromThread, Question, StartOptions, ToThread } from "./said.ts";

interface Asked {
  readonly bytes: number;
  readonly answered: PromiseWithResolvers<Exclude<Answer, { type: "no-answer" | "failed" }>>;
}

export interface BodyThreadParts {
  readonly options: StartOptions;
  /** It answers nothing any more. `hasWorked`: it could be started. */
  readonly onGone: (thread: BodyThread, reason: string, hasWorked: boolean) => void;
  /** That of its code, for tests. */
  readonly url?: string | undefined;
}

export class BodyThread {
  readonly #worker: Worker;
  readonly #parts: BodyThreadParts;
  readonly #asked = new Map<number, Asked>();
  readonly #ended = Promise.withResolvers<void>();
  #last = 0;
  #bytes = 0;
  #hasWorked = false;
  #gone: ThreadGone | null = null;

  /** Starts the thread. Throws what the runtime throws where it cannot. */
  constructor(parts: BodyThreadParts) {
    this.#parts = parts;
    const url = parts.url ?? workerUrl("./body-worker.ts", "src/storage/s3/beside", import.meta.url);
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent) => this.#hear(data as FromThread));
    this.#worker.addEventListener("error", (event: ErrorEvent) => {
      // Else the whole program would end by it in Deno.
      event.preventDefault();
      this.#fail(event.message);
    });
    // Bun's alone.
    this.#worker.addEventListener("close", () => this.#fail("it ended"));
    this.#worker.unref?.();
    this.#post({ type: "start", options: parts.options });
  }

  /** Bytes of what it was asked and has not answered. */
  get load(): number {
    return this.#bytes;
  }

  /**
   * Asks; the question has `bytes` bytes. Rejects with `NoAnswer` of the store's, with `ThreadGone`, or with the reason of
   * the signal.
   */
  async ask(question: Question, bytes: number, signal?: AbortSignal) {
    signal?.throwIfAborted();
    if (this.#gone !== null) throw this.#gone;
    const call = ++this.#last;
    const answered: Asked["answered"] = Promise.withResolvers();
    const onAbort = (): void => {
      this.#post({ type: "abort", call });
      answered.reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#asked.set(call, { bytes, answered });
    this.#bytes += bytes;
    // A program that waits for nothing else waits for this.
    this.#worker.ref?.();
    this.#post({ type: "ask", call, question });
    try {
      return await answered.promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Ends it, whatever it is doing. */
  async end(): Promise<void> {
    if (this.#gone !== null) return;
    this.#worker.ref?.();
    this.#post({ type: "end" });
    await this.#ended.promise;
  }

  #post(message: ToThread): void {
    try {
      this.#worker.postMessage(message);
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  #hear(message: FromThread): void {
    switch (message.type) {
      case "ready":
        this.#hasWorked = true;
        return;
      case "answer":
        return this.#answer(message.call, message.answer);
      case "broken":
        return this.#fail(message.reason);
      case "ended":
        return this.#fail("it was ended");
    }
  }

  #answer(call: number, answer: Answer): void {
    const asked = this.#asked.get(call);
    if (asked === undefined) return this.#fail("it answered what it was not asked");
    this.#asked.delete(call);
    this.#bytes -= asked.bytes;
    if (this.#asked.size === 0) this.#worker.unref?.();
    if (answer.type === "no-answer") asked.answered.reject(new NoAnswer(answer.reason));
    else if (answer.type === "failed") asked.answered.reject(new Error(answer.reason));
    else asked.answered.resolve(answer);
  }

  #fail(reason: string): void {
    if (this.#gone !== null) return;
    this.#gone = new ThreadGone(`A thread for the object store ended: ${reason}`);
    this.#worker.terminate();
    for (const { answered } of this.#asked.values()) answered.reject(this.#gone);
    this.#asked.clear();
    this.#bytes = 0;
    this.#ended.resolve();
    this.#parts.onGone(this, reason, this.#hasWorked);
  }
}
