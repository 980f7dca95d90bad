// One turn of the event loop, in which many messages may come: what of them is worth an answer of its own. A client
// that asks a thousand times in a turn learns no more from a thousand answers than from one, but everybody else would
// have to wait for them.

/** An upload's question that waits for the end of the turn. */
type Answer = () => void;

export class Turn {
  /** Newest question of each upload. */
  readonly #questions = new Map<string, Answer>();
  readonly #said = new Set<string>();
  readonly #soon: (end: () => void) => void;
  #isPlanned = false;

  /** `soon` calls back when the messages that are there now were dealt with. */
  constructor(soon: (end: () => void) => void) {
    this.#soon = soon;
  }

  /** `upload` asks; `answer` is called at the end of the turn, or before, by `before`, unless a newer question comes. */
  ask(upload: string, answer: Answer): void {
    // A newer one goes to the end: answers keep the order of what was asked last.
    this.#questions.delete(upload);
    this.#questions.set(upload, answer);
    this.#plan();
  }

  /** `upload` says something else: what it asked before is answered first, as of then. */
  before(upload: string): void {
    if (this.#questions.size === 0) return;
    const answer = this.#questions.get(upload);
    this.#questions.delete(upload);
    answer?.();
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
    const answers = [...this.#questions.values()];
    this.#questions.clear();
    for (const answer of answers) answer();
  }
}
