// An upload of unknown size against the quotas of its user: it claims room in steps, before the bytes are stored that need it, so that
// several of them together never pass a quota. What comes while the catalogue is asked is held, in memory that its client's credit bounds.

import { DyncError } from "../base/error.ts";
import type { Catalogue, Hold, Quota } from "../catalogue/catalogue.ts";
import type { Limits } from "../rules/user-limits.ts";
import { lengthOf, type OwnedChunk } from "../storage/storage.ts";
import { streamRefusal } from "./quotas.ts";
import { takenElsewhere } from "./upload-journal.ts";

const MiB = 1024 * 1024;
// As much as it has already, so that it asks less and less often; what is left over is free again when it ends.
const stepBytesMin = 16 * MiB;
const stepBytesMax = 1024 * MiB;

export interface StreamClaimParts {
  readonly catalogue: Pick<Catalogue, "grow">;
  readonly hold: Hold;
  /** Bytes that it claimed already. */
  readonly granted: number;
  /** What its user has to keep to just now. */
  readonly limits: () => { readonly quotas: readonly Quota[]; readonly limits: Limits };
  /** Stores a chunk. */
  readonly write: (chunk: OwnedChunk) => void;
  /** There is no room for more, or that could not be found out: nothing is stored from now on. */
  readonly onRefused: (error: unknown) => void;
}

export class StreamClaim {
  readonly #parts: StreamClaimParts;
  #granted: number;
  #held: OwnedChunk[] = [];
  #isAsking = false;
  #isOver = false;

  constructor(parts: StreamClaimParts) {
    this.#parts = parts;
    this.#granted = parts.granted;
  }

  /** Takes `chunk` over: stores it, now or when there is room for it, or releases it. */
  write(chunk: OwnedChunk): void {
    if (this.#isOver) return chunk.release();
    const isFree = endOf(chunk) <= this.#granted || this.#parts.limits().quotas.length === 0;
    if (this.#held.length === 0 && isFree) return this.#parts.write(chunk);
    this.#held.push(chunk);
    if (!this.#isAsking) void this.#ask();
  }

  /** Drops what is held; nothing is stored from now on. */
  stop(): void {
    this.#isOver = true;
    for (const chunk of this.#held.splice(0)) chunk.release();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      for (let last = this.#held.at(-1); last !== undefined && !this.#isOver; last = this.#held.at(-1)) {
        this.#granted = await this.#claim(endOf(last));
        this.#storeWhatFits();
      }
    } catch (error) {
      if (this.#isOver) return;
      this.stop();
      this.#parts.onRefused(error);
    } finally {
      this.#isAsking = false;
    }
  }

  async #claim(need: number): Promise<number> {
    const { catalogue, hold } = this.#parts;
    const { quotas, limits } = this.#parts.limits();
    const wish = need + Math.min(stepBytesMax, Math.max(stepBytesMin, need));
    const grown = await catalogue.grow(hold, need, wish, quotas);
    if (grown.type === "grown") return grown.bytes;
    throw grown.type === "not-open" ? takenElsewhere() : streamRefusal(grown.room, need, limits);
  }

  #storeWhatFits(): void {
    if (this.#isOver) return;
    const next = this.#held.findIndex((chunk) => endOf(chunk) > this.#granted);
    for (const chunk of this.#held.splice(0, next < 0 ? this.#held.length : next)) this.#parts.write(chunk);
  }
}

/** Whether it is its user who has to do something about `error` of a claim, and not only to try again. */
export function isQuotaPassed(error: unknown): boolean {
  return error instanceof DyncError && error.code === "too-large";
}

function endOf(chunk: OwnedChunk): number {
  return chunk.offset + lengthOf(chunk);
}
