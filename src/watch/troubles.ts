// What of a watched folder needs a person, and was not told yet: each trouble is told once, also across restarts, until it is over.
// Pure; who tells it, and where what was told is kept, is for who made it.

import type { WaitReason } from "./wait-reason.ts";

export interface Trouble {
  /** From the watched folder on; `null`: it is the folder's, or the server's. */
  readonly path: string | null;
  readonly reason: WaitReason | "other";
  /** For people; may be empty. */
  readonly detail: string;
}

/** Nothing of these passes by itself. */
export const needPerson: readonly WaitReason[] = [
  "hash-mismatch",
  "run-failed",
  "run-aborted",
  "unreadable",
  "unsendable",
  "metadata-missing",
  "metadata-faulty",
  "refused",
];
const toldMax = 10_000;

export class TroubleBook {
  /** By what it is told from others, in the order in which they came. */
  readonly #told: Set<string>;

  /** `told`: those that an earlier run told, as `told` gives them. */
  constructor(told: readonly string[]) {
    this.#told = new Set(told);
  }

  get told(): readonly string[] {
    return [...this.#told];
  }

  /** Whether it needs a person, and is new; it counts as told then. */
  isNew({ path, reason }: Trouble): boolean {
    if (reason !== "other" && path !== null && !needPerson.includes(reason)) return false;
    const key = keyOf(path, reason);
    if (this.#told.has(key)) return false;
    this.#told.add(key);
    for (const oldest of this.#told) {
      if (this.#told.size <= toldMax) break;
      this.#told.delete(oldest);
    }
    return true;
  }

  /** It is over: the next time it is new again. Returns whether it was told. */
  isOver(path: string | null, reasons: readonly Trouble["reason"][] = needPerson): boolean {
    let wasTold = false;
    for (const reason of reasons) wasTold = this.#told.delete(keyOf(path, reason)) || wasTold;
    return wasTold;
  }
}

function keyOf(path: string | null, reason: Trouble["reason"]): string {
  return `${reason} ${path ?? ""}`;
}
