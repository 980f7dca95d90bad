// Chunks on their way into memory of ours: each is copied, out of the budget that all uploads share, and its own memory is given back.

import { sharedCopy } from "../../base/memory/shared-copy.ts";
import type { OwnedChunk } from "../storage.ts";
import type { S3Home } from "./home.ts";

export interface IntakeParts {
  readonly home: Pick<S3Home, "budget" | "beside">;
  /** Aborts when nothing more is to be taken. */
  readonly signal: () => AbortSignal;
  /** Takes the next bytes over, with what the budget lent for them. */
  readonly take: (data: Uint8Array, signal: AbortSignal) => Promise<void>;
  /** All that came was taken over. */
  readonly rest: (signal: AbortSignal) => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

export class ChunkIntake {
  readonly #parts: IntakeParts;
  readonly #waiting: OwnedChunk[] = [];
  #pumping: Promise<void> | null = null;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Resolves when nothing is being taken; `null`: nothing is. */
  get pumping(): Promise<void> | null {
    return this.#pumping;
  }

  add(chunk: OwnedChunk): void {
    this.#waiting.push(chunk);
    this.#pumping ??= this.#pump();
  }

  /** Gives back what was not taken. */
  drop(): void {
    for (const chunk of this.#waiting.splice(0)) chunk.release();
  }

  async #pump(): Promise<void> {
    const { home, take, rest, onFailed } = this.#parts;
    const { budget, beside } = home;
    const signal = this.#parts.signal();
    try {
      for (let chunk = this.#waiting[0]; chunk !== undefined; chunk = this.#waiting[0]) {
        const { length } = chunk.data;
        await budget.take(length, signal);
        // Dropped meanwhile, with its memory.
        if (this.#waiting[0] !== chunk) budget.giveBack(length);
        if (this.#waiting[0] !== chunk) continue;
        this.#waiting.shift();
        const data = beside === null ? chunk.data.slice() : sharedCopy(chunk.data);
        chunk.release();
        await take(data, signal);
        if (this.#waiting.length === 0) await rest(signal);
      }
    } catch (error) {
      onFailed(error);
    } finally {
      this.#pumping = null;
    }
  }
}
