// One turn of the event loop, in which many messages may come: what of them is worth an answer of its own. A client
// that asks a thousand times in a turn learns no more from a thousand answers than from one, but everybody else would
// have to wait for them.

import { type Bytes, nearBytes } from "../base/memory/far-bytes.ts";

/** What answers a question that waits for the end of the turn. */
type Answer = () => void;

interface Question {
  readonly answer: Answer;
  /** The message that asked, where the same one may come again. */
  readonly frames: readonly Uint8Array[];
}

export class Turn {
  /** Newest question of each upload. */
  readonly #questions = new Map<string, Question>();
  readonly #said = new Set<string>();
  readonly #soon: (end: () => void) => void;
  #isPlanned = false;

  /** `soon` calls back when the messages that are there now were dealt with. */
  constructor(soon: (end: () => void) => void) {
    this.#soon = soon;
  }

  /**
   * `upload` asks; `answer` is called at the end of the turn, or before, by `before`, unless a newer question comes.
   * `frames` are the message, for `isAsked`; they are kept until then.
   */
  ask(upload: string, answer: Answer, frames: readonly Uint8Array[] = []): void {
    // A newer one goes to the end: answers keep the order of what was asked last.
    this.#questions.delete(upload);
    this.#questions.set(upload, { answer, frames });
    this.#plan();
  }

  /** Whether the newest question of `upload`, which waits for its answer, is exactly the message of these `frames`. */
  isAsked(upload: string, frames: readonly Bytes[]): boolean {
    const asked = this.#questions.get(upload)?.frames ?? [];
    if (asked.length === 0 || asked.length !== frames.length) return false;
    return asked.every((frame, index) => Buffer.compare(frame, nearBytes(frames[index] as Bytes)) === 0);
  }

  /** `upload` says something else: what it asked before is answered first, as of then. */
  before(upload: string): void {
    if (this.#questions.size === 0) return;
    const question = this.#questions.get(upload);
    this.#questions.delete(upload);
    question?.answer();
  }

  /** Whether `what` was said by `upload` in this turn already; from now on it was. */
  isRepeated(upload: string, what: string): boolean {
    const key = `${upload} ${what}`;
    if (this.#said.has(key)) return true;
    this.#said.add(key);
    this.#plan();
    return false;
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#soon(() => this.#end());
  }

  #end(): void {
    this.#isPlanned = false;
    this.#said.clear();
    const questions = [...this.#questions.values()];
    this.#questions.clear();
    for (const { answer } of questions) answer();
  }
}
