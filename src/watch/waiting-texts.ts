// What entries wait for, each different one kept once: of 200,000 that lack metadata each says where its file would have to be, and but for
// the path of the entry all say the same. Pure.

import type { Waiting, WaitReason } from "./wait-reason.ts";

interface Kept {
  readonly key: string;
  /** With `hole` where the path of the entry was. */
  readonly waiting: Waiting;
  /** How many entries wait for it. */
  count: number;
}

// No path and no text for people has it.
const hole = "\0";

export class WaitingTexts {
  readonly #ids = new Map<string, number>();
  /** By id; the first stands for nothing that is waited for. */
  readonly #kept: (Kept | null)[] = [null];
  readonly #free: number[] = [];

  /** An id for what the entry at `path()` waits for, which is to be given back; 0: it waits for nothing. */
  take(waiting: Waiting | null, path: () => string): number {
    if (waiting === null) return 0;
    const { reason, detail, fields = [] } = waiting;
    const text = detail === "" ? "" : detail.replaceAll(path(), hole);
    const key = [reason, text, ...fields].join("\n");
    const known = this.#ids.get(key);
    if (known !== undefined) {
      this.#kept[known]!.count += 1;
      return known;
    }
    const id = this.#free.pop() ?? this.#kept.length;
    this.#kept[id] = { key, waiting: { ...waiting, detail: text }, count: 1 };
    this.#ids.set(key, id);
    return id;
  }

  /** One entry less waits for it. */
  giveBack(id: number): void {
    const kept = this.#kept[id];
    if (kept === null || kept === undefined) return;
    kept.count -= 1;
    if (kept.count > 0) return;
    this.#ids.delete(kept.key);
    this.#kept[id] = null;
    this.#free.push(id);
  }

  /** What the entry at `path()` waits for; `null`: nothing. */
  of(id: number, path: () => string): Waiting | null {
    const waiting = this.#kept[id]?.waiting ?? null;
    if (waiting === null || !waiting.detail.includes(hole)) return waiting;
    return { ...waiting, detail: waiting.detail.replaceAll(hole, path) };
  }

  reasonOf(id: number): WaitReason | null {
    return this.#kept[id]?.waiting.reason ?? null;
  }

  /** How many entries wait for which reason. */
  get reasons(): Readonly<Record<string, number>> {
    const reasons: Record<string, number> = {};
    for (const kept of this.#kept) {
      if (kept !== null) reasons[kept.waiting.reason] = (reasons[kept.waiting.reason] ?? 0) + kept.count;
    }
    return reasons;
  }
}
