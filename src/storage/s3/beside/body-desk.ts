// The side of a thread for bodies: answers what it is asked, each question by itself, and keeps nothing but its connections.

import { systemClock } from "../../../base/clock.ts";
import { messageOf } from "../../../base/error.ts";
import type { Sha256Maker } from "../../sha256/sha256.ts";
import { digestOf } from "../client/body-work.ts";
import { HttpCaller, lengthOf } from "../client/http-call.ts";
import { NoAnswer } from "../client/s3-error.ts";
import { SpentBytes } from "../spent-bytes.ts";
import type { Answer, FromThread, Question, StartOptions, ToThread } from "./said.ts";

// A few parts, of which each is copied once on its way.
const spentBytes = 32 * 1024 * 1024;

export interface DeskParts {
  readonly sha256: Sha256Maker;
  post(message: FromThread): void;
}

export class BodyDesk {
  readonly #parts: DeskParts;
  readonly #http: HttpCaller;
  readonly #asked = new Map<number, AbortController>();
  readonly #spent = new SpentBytes(spentBytes);

  constructor({ isTls, ca }: StartOptions, parts: DeskParts) {
    this.#parts = parts;
    this.#http = new HttpCaller(isTls, ca, systemClock);
  }

  /** Takes what the main thread says. Never throws. */
  hear(message: ToThread): void {
    switch (message.type) {
      case "ask":
        return void this.#take(message.call, message.question);
      case "abort":
        return this.#asked.get(message.call)?.abort(new Error("Nobody waits for it any more"));
      case "end":
        this.#http.close();
        return this.#parts.post({ type: "ended" });
      case "start":
        return this.#parts.post({ type: "broken", reason: "it was started twice" });
    }
  }

  async #take(call: number, question: Question): Promise<void> {
    const abort = new AbortController();
    this.#asked.set(call, abort);
    const answer = await this.#answer(question, abort.signal).catch((error: unknown): Answer => {
      const type = error instanceof NoAnswer ? "no-answer" : "failed";
      return { type, reason: messageOf(error) };
    });
    this.#asked.delete(call);
    if (question.type === "send") this.#spent.add(lengthOf(question.body ?? []));
    this.#parts.post({ type: "answer", call, answer });
  }

  async #answer(question: Question, signal: AbortSignal): Promise<Answer> {
    switch (question.type) {
      case "digest":
        return { type: "digest", digest: await digestOf(question.name, question.body) };
      case "hash":
        return { type: "hashed", states: question.states.map((it) => this.#hashed(it, question.data)) };
      case "send": {
        const { method, url, headers, body, limitMs } = question;
        const call = { method, url: new URL(url), headers, body, limitMs, signal };
        return { type: "reply", ...(await this.#http.whole(call)) };
      }
    }
  }

  #hashed(state: Uint8Array, data: Uint8Array): Uint8Array {
    const hash = this.#parts.sha256.load(state);
    hash?.update(data);
    const after = hash?.save() ?? null;
    if (after === null) throw new Error("SHA-256 cannot go on from a state here");
    return after;
  }
}
