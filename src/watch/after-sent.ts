// What becomes of an entry after it was sent: it stays for as long as is wanted, and is then moved or deleted if it is proved that the
// server has it, in that very moment. What is not proved stays, and is said.

import { relative, sep } from "node:path";
import { type Clock, sleep } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import type { Kept } from "../client/free/kept.ts";
import type { Proof } from "../client/free/proof.ts";
import type { Disposal, Removal } from "../client/free/remove.ts";
import type { SentEntry } from "../client/free/sent-below.ts";
import type { WatchList } from "./watch-list.ts";

export interface AfterSentParts {
  readonly clock: Clock;
  /** The watched folder. */
  readonly folder: string;
  readonly list: Pick<WatchList, "leaving" | "gone" | "returned">;
  /** What was sent from the folder. */
  readonly entries: () => Promise<readonly SentEntry[]>;
  readonly prove: (entry: SentEntry, signal: AbortSignal) => Promise<Proof>;
  /** What lies beside an entry that is about to go, and goes with it; `null`: nothing. */
  readonly beside: (path: string, entry: SentEntry, signal: AbortSignal) => Promise<Beside | null>;
  readonly disposal: Disposal;
  /** How long an entry stays after it was confirmed, in ms. */
  readonly keepForMs: number;
  readonly onTaken: (path: string, entry: SentEntry, removal: Removal) => void;
  readonly onKept: (path: string, entry: SentEntry, kept: Kept) => void;
  readonly onTrouble: (text: string) => void;
}

/** The file of the metadata of an entry. */
export interface Beside {
  /** From the watched folder on. */
  readonly path: string;
  /** Takes it away; returns why it stays, or `null`. */
  take(): Promise<Kept | null>;
}

const everyMs = 10 * 60_000;
// What was not proved once is read again that late: it may be large.
const againMs = 24 * 60 * 60_000;

export class AfterSent {
  readonly #parts: AfterSentParts;
  /** When an upload, by its id, may be looked at again. */
  readonly #notBefore = new Map<string, number>();
  #trouble: string | null = null;

  constructor(parts: AfterSentParts) {
    this.#parts = parts;
  }

  /** Does it now and then, until the signal aborts; rejects then. */
  async forever(signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(this.#parts.clock, everyMs, signal);
      await this.once(signal);
    }
  }

  /** Takes away what is due. Where the server cannot be asked, or proves nothing, it says so once, and all stays. */
  async once(signal: AbortSignal): Promise<void> {
    try {
      for (const entry of await this.#parts.entries()) {
        signal.throwIfAborted();
        if (this.#isDue(entry)) await this.#take(entry, signal);
      }
      this.#trouble = null;
    } catch (error) {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      if (this.#trouble !== error.message)
        this.#parts.onTrouble(`What was sent stays here: ${error.message}`);
      this.#trouble = error.message;
    }
  }

  #isDue({ id, at }: SentEntry): boolean {
    const { clock, keepForMs } = this.#parts;
    const isOldEnough = clock.date().getTime() - Date.parse(at) >= keepForMs;
    return isOldEnough && clock.now() >= (this.#notBefore.get(id) ?? Number.NEGATIVE_INFINITY);
  }

  async #take(entry: SentEntry, signal: AbortSignal): Promise<void> {
    const { folder, list, prove, beside, disposal, onTaken, onKept } = this.#parts;
    const path = relative(folder, entry.path).split(sep).join("/");
    if (!list.leaving(path)) return;
    let isGone = false;
    try {
      const proof = await prove(entry, signal);
      if (proof.type === "kept") return this.#keep(path, entry, proof);
      // Who stops the program now wants no more to be taken away.
      signal.throwIfAborted();
      if (proof.type === "proved") {
        const companion = await beside(path, entry, signal);
        const removal = await proof.remove(disposal);
        if (removal.kept !== null) return this.#keep(path, entry, removal.kept);
        onTaken(path, entry, removal);
        isGone = removal.left.count === 0;
        const stays = isGone ? await companion?.take() : null;
        if (companion && stays) onKept(companion.path, entry, stays);
      }
    } finally {
      if (isGone) list.gone(path);
      else list.returned(path);
    }
  }

  #keep(path: string, entry: SentEntry, kept: Kept): void {
    this.#notBefore.set(entry.id, this.#parts.clock.now() + againMs);
    this.#parts.onKept(path, entry, kept);
  }
}
