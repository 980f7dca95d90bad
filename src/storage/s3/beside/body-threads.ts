// Threads beside the main one that do what costs as much as bodies are long: of each part its checksums and sending it, of each chunk the checksum of its
// upload. None of them remembers anything, so whatever thread is free does it, and one that dies takes nothing with it: what it was asked is
// done again.

import { assert } from "../../../base/assert.ts";
import { messageOf } from "../../../base/error.ts";
import type { Logger } from "../../../base/log.ts";
import { asShared } from "../../../base/memory/shared-copy.ts";
import { type BodiesBeside, type Body, type DigestName, ThreadGone } from "../client/body-work.ts";
import { type HttpCall, lengthOf, type WholeReply } from "../client/http-call.ts";
import { BodyThread } from "./body-thread.ts";
import type { Question, StartOptions } from "./said.ts";

// Below that, telling another thread costs more than it spares.
const besideBytesMin = 128 * 1024;

export interface BodyThreadsParts {
  /** Threads at most. */
  readonly threads: number;
  readonly options: StartOptions;
  readonly log: Logger;
  /** That of their code, for tests. */
  readonly url?: string;
}

export class BodyThreads implements BodiesBeside {
  readonly #parts: BodyThreadsParts;
  readonly #threads = new Set<BodyThread>();
  /** They cannot be started here, or are closed. */
  #isUseless = false;

  constructor(parts: BodyThreadsParts) {
    this.#parts = parts;
  }

  takes(bytes: number): boolean {
    return bytes >= besideBytesMin && this.#parts.threads > 0 && !this.#isUseless;
  }

  /** As the others: rejects with `ThreadGone` where that is nobody's answer. */
  async digest(name: DigestName, body: Body): Promise<Buffer> {
    const question: Question = { type: "digest", name, body: body.map(asShared) };
    const answer = await this.#leastLoaded().ask(question, lengthOf(body));
    assert(answer.type === "digest", "a thread answers what it is asked");
    return Buffer.from(answer.digest);
  }

  /** The states of SHA-256 (`Sha256.save`) behind `data`, from those in front of it. Rejects with `ThreadGone`. */
  async hash(states: readonly Uint8Array[], data: Uint8Array): Promise<readonly Uint8Array[]> {
    const question: Question = { type: "hash", states, data: asShared(data) };
    const answer = await this.#leastLoaded().ask(question, data.length * states.length);
    assert(answer.type === "hashed", "a thread answers what it is asked");
    return answer.states;
  }

  async whole({ method, url, headers, body, limitMs, signal }: HttpCall): Promise<WholeReply> {
    const shared = body?.map(asShared) ?? null;
    const answer = await this.#leastLoaded().ask(
      { type: "send", method, url: url.href, headers, body: shared, limitMs },
      lengthOf(body ?? []),
      signal,
    );
    assert(answer.type === "reply", "a thread answers what it is asked");
    const { status, headers: told, body: said } = answer;
    return { status, headers: told, body: Buffer.from(said) };
  }

  #leastLoaded(): BodyThread {
    let least: BodyThread | null = null;
    for (const thread of this.#threads) if (least === null || thread.load < least.load) least = thread;
    if (least !== null && (least.load === 0 || this.#threads.size >= this.#parts.threads)) return least;
    return this.#startOne();
  }

  /** Throws `ThreadGone` where it cannot. */
  #startOne(): BodyThread {
    const { options, url } = this.#parts;
    const onGone = (it: BodyThread, reason: string, hasWorked: boolean): void => {
      this.#threads.delete(it);
      if (!this.#isUseless) this.#gone(reason, hasWorked);
    };
    try {
      const thread = new BodyThread({ options, url, onGone });
      this.#threads.add(thread);
      return thread;
    } catch (error) {
      this.#gone(messageOf(error), false);
      throw new ThreadGone(messageOf(error), { cause: error });
    }
  }

  #gone(reason: string, hasWorked: boolean): void {
    const { log } = this.#parts;
    if (hasWorked)
      return log.log("error", "A thread for the object store ended; another one does its work", { reason });
    this.#isUseless = true;
    log.log("warn", "No threads for the object store can be started: the main thread does it", { reason });
  }

  /** Ends them. Nobody waits for an answer. Never rejects. */
  async close(): Promise<void> {
    this.#isUseless = true;
    const ended = await Promise.allSettled([...this.#threads].map((thread) => thread.end()));
    for (const one of ended)
      if (one.status === "rejected")
        this.#parts.log.log("warn", "A thread for the object store did not end", {
          reason: messageOf(one.reason),
        });
  }
}
