// Who may send how much: credit for all uploads of a server, in chunks, under one bound. Driven by the server's
// loop; pure, and the same calls in the same order always give the same grants.
//
// Theory of operation. Credit that an upload *holds* is granted and not yet written: chunks that its client may
// still send, and chunks that arrived and wait for the disk. What all uploads hold never passes `capacity`, and
// that is the server's memory budget. An upload that wants credit has a *share*: its window, or less where the
// windows of all do not fit; then all large windows are cut to the same level. It gets hungry when it holds at most
// half its share, queues up, and is given what lacks to the share, or what is left. Half a share, because then one
// message carries many chunks while the other half is under way. First come, first served: whoever queues
// waits for at most one grant to each other upload, so nobody starves as long as held credit comes back, and the
// server takes back what lies unused (`reclaim` in server-upload.ts) while `isStarving()`.

import { assert } from "../base/assert.ts";

export interface CreditGrant {
  readonly id: string;
  /** Chunks, at least 1. */
  readonly amount: number;
}

interface Account {
  held: number;
  window: number;
  queued: boolean;
}

export class CreditLedger {
  readonly #capacity: number;
  readonly #accounts = new Map<string, Account>();
  #queue: string[] = [];
  #held = 0;
  // Largest share; depends on the windows only, so it is computed again when one changes.
  #level: number | null = null;

  /** `capacity` is the most that all uploads together may hold, in chunks, at least 1. */
  constructor(options: { readonly capacity: number }) {
    assert(Number.isInteger(options.capacity) && options.capacity >= 1, "the ledger has credit to give");
    this.#capacity = options.capacity;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Chunks that all uploads hold. */
  get held(): number {
    return this.#held;
  }

  heldBy(id: string): number {
    return this.#accounts.get(id)?.held ?? 0;
  }

  /** Opens an account that wants nothing yet. */
  join(id: string): void {
    assert(!this.#accounts.has(id), `upload ${id} joins the ledger once`);
    this.#accounts.set(id, { held: 0, window: 0, queued: false });
  }

  /** Closes the account; what it held is free again. Does nothing for one that never joined. */
  leave(id: string): void {
    const account = this.#accounts.get(id);
    if (account === undefined) return;
    this.#held -= account.held;
    this.#accounts.delete(id);
    this.#queue = this.#queue.filter((queued) => queued !== id);
    if (account.window > 0) this.#recount();
  }

  /** From now on `id` can use up to `window` chunks at once; 0 for none. What it holds it keeps. */
  want(id: string, window: number): void {
    assert(Number.isInteger(window) && window >= 0, "a window is a number of chunks");
    const account = this.#account(id);
    if (account.window === window) return;
    account.window = window;
    this.#recount();
  }

  /** `amount` chunks that `id` held are free again. */
  release(id: string, amount: number): void {
    const account = this.#account(id);
    assert(
      amount >= 0 && amount <= account.held,
      `upload ${id} releases no more than the ${account.held} it holds`,
    );
    account.held -= amount;
    this.#held -= amount;
    this.#enqueue(id, account);
  }

  /** Gives out what is free, in turn. Each grant has to be fed to its machine as `granted`. */
  distribute(): readonly CreditGrant[] {
    const grants: CreditGrant[] = [];
    let waiting = this.#queue.length;
    while (waiting > 0 && this.#held < this.#capacity) {
      waiting -= 1;
      const id = this.#queue.shift()!;
      const account = this.#account(id);
      account.queued = false;
      if (!this.#isHungry(account)) continue;
      const amount = Math.min(this.#share(account) - account.held, this.#capacity - this.#held);
      account.held += amount;
      this.#held += amount;
      grants.push({ id, amount });
      this.#enqueue(id, account);
    }
    return grants;
  }

  /** Whether an upload that wants credit has none, and none is left. */
  isStarving(): boolean {
    if (this.#held < this.#capacity) return false;
    return this.#queue.some((id) => this.#account(id).held === 0 && this.#account(id).window > 0);
  }

  #account(id: string): Account {
    const account = this.#accounts.get(id);
    assert(account !== undefined, `upload ${id} has joined the ledger`);
    return account;
  }

  #enqueue(id: string, account: Account): void {
    if (account.queued || !this.#isHungry(account)) return;
    account.queued = true;
    this.#queue.push(id);
  }

  #isHungry(account: Account): boolean {
    return account.window > 0 && account.held <= Math.floor(this.#share(account) / 2);
  }

  #share(account: Account): number {
    this.#level ??= levelOf(this.#accounts.values(), this.#capacity);
    return Math.min(account.window, this.#level);
  }

  // Shares changed: others may be hungry now. Those that queue already keep their place.
  #recount(): void {
    this.#level = null;
    for (const [id, account] of this.#accounts) this.#enqueue(id, account);
  }
}

// The highest level to which all windows can be filled within `capacity`; 1 where not even that fits.
function levelOf(accounts: Iterable<Account>, capacity: number): number {
  const windows = [...accounts].map((account) => account.window).filter((window) => window > 0);
  windows.sort((a, b) => a - b);
  let left = capacity;
  for (const [index, window] of windows.entries()) {
    const level = Math.floor(left / (windows.length - index));
    if (window > level) return Math.max(1, level);
    left -= window;
  }
  return windows.at(-1) ?? 1;
}
