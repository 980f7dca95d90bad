// Which uploads make way for more urgent ones, and how. Part of `credit-office.ts`.
//
// Theory of operation.
//
// As long as an upload of a higher priority is *active* (has credit and uses it, or waits for some), all of lower ones
// *yield*: each may have a small part of its window under way, one chunk with the usual windows, and when that is stored it
// *rests*, for as long as it took times what lets all that yield have about a third of a chunk in the server together. So an urgent upload
// has three quarters and more of the server, whichever way the server's queues share what is in them, and how many others there are
// hardly counts; nobody starves, also where memory is so short that the urgent one could use all of it; and where the urgent one is slow by itself, as on a slow line, the others still use most of what it leaves.
//
// A chunk that takes long does so on its own line, which costs the server nothing: such time is no reason for a longer rest.

import { limits } from "../limits.ts";
import { priorities } from "../priority.ts";
import type { Account } from "./credit-accounts.ts";

// Between two looks at who is active.
const lookAgainMs = 10;
// All that yield have one chunk in so many in the server.
const shareOfAll = 3;
// What of the time of a chunk is taken for the server's.
const roundMsMax = 50;

export class Yielding {
  /** Their round is over, and their rest has not begun. */
  readonly #ended = new Set<Account>();
  /** Until when, monotonic ms. */
  readonly #resting = new Map<Account, number>();
  #count = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isOld = false;

  /** When the first rest ends, monotonic ms; `null`: nobody rests. */
  get wakeAt(): number | null {
    return this.#resting.size === 0 ? null : Math.min(...this.#resting.values());
  }

  /** Somebody came or went, or wants more or less: who yields has to be looked at anew. */
  changed(): void {
    this.#isOld = true;
  }

  /** Of `accounts` those that have to begin or to end yielding. */
  toChange(accounts: Iterable<Account>, now: number): readonly Account[] {
    if (!this.#isOld && now < this.#lookedAt + lookAgainMs) return [];
    this.#isOld = false;
    this.#lookedAt = now;
    const all = [...accounts];
    for (const account of all) this.#noteReady(account, now);
    const top = Math.max(...all.map((account) => (isActive(account, now) ? rankOf(account) : 0)));
    this.#count = all.filter((account) => account.window > 0 && rankOf(account) < top).length;
    return all.filter((account) => account.isYielding !== rankOf(account) < top);
  }

  // Where there is less than one chunk for each, the urgent ones alone would use all of it.
  #noteReady(account: Account, now: number): void {
    const { isYielding, window, held, roundAt } = account;
    const isReady = isYielding && window > 0 && held === 0 && roundAt === null && !this.#resting.has(account);
    if (!isReady) account.readySince = null;
    else account.readySince ??= now;
    account.isOverdue = account.readySince !== null && now - account.readySince > limits.reclaimAfterMs;
  }

  /** Whether `account`, which could be given something, has to wait for its turn among those that yield. */
  holdsBack(account: Account): boolean {
    if (!account.isYielding) return false;
    if (account.held === 0 && account.roundAt !== null) this.#ended.add(account);
    return account.held > 0 || account.roundAt !== null || this.#resting.has(account);
  }

  /** Begins the rests that are due. Returns those whose rest is over. */
  rested(now: number): readonly Account[] {
    for (const account of this.#ended) {
      const roundMs = Math.min(roundMsMax, now - (account.roundAt ?? now));
      this.#resting.set(account, now + roundMs * (shareOfAll * this.#count - 1));
      account.roundAt = null;
    }
    this.#ended.clear();
    const over = [...this.#resting].filter(([, until]) => until <= now).map(([account]) => account);
    for (const account of over) this.#resting.delete(account);
    return over;
  }

  /** It yields no more, or is gone. */
  forget(account: Account): void {
    this.#ended.delete(account);
    this.#resting.delete(account);
    account.roundAt = account.readySince = null;
    account.isOverdue = false;
  }
}

/** `account`, which yields, is given something. */
export function beginRound(account: Account, now: number): void {
  account.roundAt = now;
  account.readySince = null;
  account.isOverdue = false;
}

function rankOf({ priority }: Account): number {
  return priorities.indexOf(priority);
}

function isActive({ window, held, unstored, unusedSince }: Account, now: number): boolean {
  return window > 0 && (held === 0 || unstored > 0 || now - unusedSince <= limits.reclaimAfterMs);
}
