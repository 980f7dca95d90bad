// What became of each of several uploads: the summary names all of them, also when the first one ends it all. Used by
// `resume` and `cancel`.

import { DyncError } from "../../base/error.ts";
import { type CommandContext, exitNotAll } from "../command.ts";
import type { JsonFields } from "../output.ts";
import { idOf, isBatch, type Unfinished } from "./unfinished.ts";

/** What became of one; `outcome` is one word, `not-tried` unless told otherwise. */
export interface Outcome extends JsonFields {
  readonly outcome: "stored" | "dropped" | "forgotten" | "finished" | "skipped" | "failed" | "not-tried";
}

export class Outcomes {
  readonly #context: CommandContext;
  readonly #results: ReadonlyMap<unknown, { ok: boolean }>;

  constructor(all: readonly Unfinished[], context: CommandContext) {
    this.#context = context;
    this.#results = new Map(
      all.map((one) => {
        const what = isBatch(one) ? { files: one.files } : { name: one.name };
        return [one, { id: idOf(one), ...what, ok: false, outcome: "not-tried" }];
      }),
    );
    context.output.summarise({ uploads: [...this.#results.values()] });
  }

  /** Whether it is one of those that the summary names. */
  has(one: object): boolean {
    return this.#results.has(one);
  }

  note(one: object, outcome: Outcome): void {
    const ok = outcome.outcome !== "failed" && outcome.outcome !== "skipped";
    Object.assign(this.#results.get(one) as object, { ok, ...outcome });
  }

  /**
   * Notes an error and prints it, so that the others get their turn. Throws it when it is the program's: there is no
   * other upload, or the user stops it all.
   */
  failed(one: object, error: unknown): void {
    const { output, signal } = this.#context;
    this.note(one, { outcome: "failed", code: error instanceof DyncError ? error.code : "failed" });
    if (!(error instanceof DyncError) || this.#results.size === 1 || signal.aborted) throw error;
    output.error(error);
  }

  /** 0 when nothing was left undone. */
  get status(): number {
    return [...this.#results.values()].every(({ ok }) => ok) ? 0 : exitNotAll;
  }
}
