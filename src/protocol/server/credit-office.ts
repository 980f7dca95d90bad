// Who may send how much: credit for all uploads of a server, in chunks, under one bound in bytes, shared among users first and
// then among the uploads of each. Driven by the server's loop and by the simulation's; pure, and the same calls in the
// same order always give the same grants.
//
// Theory of operation.
//
// Credit that an upload *holds* is granted and not yet stored: *unused*, what its client may still send, and
// *unstored*, what arrived and waits for the disk. It is counted in chunks, as its client is told, and *costs* what these chunks may
// have in bytes: the length of a full one for each, but never more than the upload has in all. So one of 10 KB costs 10 KB. What all
// uploads hold never costs more than `capacity`: that is the server's memory budget. Shares are of cost.
//
// How much an upload may hold is its *allowance*: a first grant at the start, doubled by each chunk that comes soon
// after the credit for it, up to its window. One that lets its credit lie is *untried* (again): what all untried uploads
// of a user hold together is a small part of the capacity, however many they are.
//
// Each user has a *target*: what its uploads can use, or less where that is too much for all users together; then all
// large ones are cut to the same level. Likewise each upload within what its user has. An upload gets hungry when it holds
// at most half its own target, queues up, and is given what lacks, in one grant: one message then carries many chunks,
// while the other half is under way. One that has all of its bytes paid for takes no room from anybody with more chunks: where its client sends
// shorter ones, it is given them at once, out of turn. Of the users who wait the one that holds least is served first, then the one that
// was served longest ago. So who holds too much, because it was alone before, gets nothing before the others have theirs.
//
// What comes back by itself serves who waits. What lies unused longer than an upload's *patience* (about a second) while
// somebody waits is taken back: from users above their target, and from anybody for an upload that has nothing. A
// client may be slow only because its line is: a chunk that comes after its credit was taken shows that, and makes
// the office as patient with this upload as that chunk was late.
//
// Before all of that comes how urgent an upload is: what is less urgent than another one yields to it (`yielding.ts`), and where
// both could be given something, who does not yield is first.

import { assert, unreachable } from "../../base/assert.ts";
import { limits } from "../limits.ts";
import type { Priority } from "../priority.ts";
import type { Wait } from "../wait.ts";
import {
  type Account,
  affordable,
  allowanceOf,
  costOf,
  firstOf,
  type Group,
  groupOf,
  heldOf,
  isAtTarget,
  isHungry,
  isPaid,
  isRunningLow,
  isWaiting,
  mayTake,
  newAccount,
  newGroup,
  nextOf,
  starvingOf,
  suitable,
  targetOf,
  type User,
} from "./credit-accounts.ts";
import { setTargets, shortChunks } from "./credit-targets.ts";
import { waitOf } from "./credit-waits.ts";
import { beginRound, Yielding } from "./yielding.ts";

export interface CreditGrant {
  readonly id: string;
  /** Chunks, at least 1. */
  readonly amount: number;
}

/** What a turn decided. Grants go to their machines as `granted`, each of the others hears `reclaim`. */
export interface CreditTurn {
  readonly grants: readonly CreditGrant[];
  readonly reclaims: readonly string[];
}

/** What the office hears of one upload's credit; see the methods of these names. */
export type CreditReport =
  | { readonly kind: "want"; readonly window: number; readonly onLine?: number }
  | { readonly kind: "use" }
  | { readonly kind: "late" }
  | { readonly kind: "stored" }
  | { readonly kind: "undo" }
  | { readonly kind: "give-back"; readonly amount: number };

export interface CreditOfficeOptions {
  readonly capacity: number;
  readonly chunkCost?: number;
  readonly mayHurry?: (() => boolean) | undefined;
}

/** An upload that waits. `isOwn`: for what other uploads of its user hold. */
interface Need {
  readonly account: Account;
  readonly isOwn: boolean;
}

/** Between two looks for credit that lies unused, so that a crowd that waits does not cost more than it sends. */
const lookAgainMs = 10;

export class CreditOffice {
  readonly #capacity: number;
  readonly #chunkCost: number;
  readonly #mayHurry: () => boolean;
  readonly #untriedMax: number;
  readonly #users = new Map<string, User>();
  readonly #accounts = new Map<string, Account>();
  /** Those that hold unused credit. */
  readonly #holders = new Set<Account>();
  /** Those that may have more, which costs nothing. */
  readonly #paid = new Set<Account>();
  /** Where all are equally urgent, there is none. */
  #yielding: Yielding | null = null;
  /** Uploads that are more or less urgent than usual. */
  #unusual = 0;
  #held = 0;
  /** See `Account.onLine`. */
  #onLine = 0;
  #turns = 0;
  #areTargetsOld = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #wakeAt: number | null = null;

  /**
   * `capacity` is the most that what all uploads hold may cost, `chunkCost` what a full chunk does (1 unless given), no more than that. `mayHurry`: some upload may come that is
   * more urgent than usual, unless given none; then what many have under way is kept short.
   */
  constructor(options: CreditOfficeOptions) {
    const { capacity, chunkCost = 1, mayHurry = () => false } = options;
    assert(chunkCost >= 1 && Number.isInteger(chunkCost), "a chunk costs something");
    assert(Number.isInteger(capacity) && capacity >= chunkCost, "the office has credit to give");
    this.#capacity = capacity;
    this.#chunkCost = chunkCost;
    this.#mayHurry = mayHurry;
    this.#untriedMax = Math.max(limits.firstGrantChunks * chunkCost, Math.floor(capacity / untriedShare));
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** What all uploads hold costs so much. */
  get held(): number {
    return this.#held;
  }

  /** When `distribute` is to be called even if nothing changes, monotonic ms: credit may then be taken back. */
  get wakeAt(): number | null {
    return this.#wakeAt;
  }

  /** Chunks that it holds. */
  heldBy(id: string): number {
    return this.#accounts.get(id)?.held ?? 0;
  }

  /** What all uploads of `user` hold costs so much. */
  heldByUser(user: string): number {
    const found = this.#users.get(user);
    return found === undefined ? 0 : heldOf(found);
  }

  /** What `id`, which has joined, waits for just now; `null`: it has credit, or wants none. */
  waitOf(id: string): Wait | null {
    return waitOf(this.#account(id), this.#users.values());
  }

  /** Whether `id`, which has joined, gets more, or has something to send again, only when what arrived of it is stored. */
  isRunningLow(id: string): boolean {
    return isRunningLow(this.#account(id));
  }

  /** Opens an account that wants nothing yet. */
  join(id: string, user: string): void {
    assert(!this.#accounts.has(id), `upload ${id} joins the office once`);
    let owner = this.#users.get(user);
    if (owner === undefined) {
      owner = { name: user, tried: newGroup(), untried: newGroup(), target: 0, servedAt: 0 };
      this.#users.set(user, owner);
    }
    const account = newAccount(id, owner, this.#chunkCost);
    owner.untried.accounts.add(account);
    this.#accounts.set(id, account);
    this.#yielding?.changed();
  }

  /** The upload has so many bytes in all. To be said before it wants any credit. */
  announce(id: string, bytes: number): void {
    const account = this.#account(id);
    assert(account.held === 0 && account.window === 0, "what an upload has is said before it has credit");
    account.priceMax = Math.max(1, bytes);
    account.price = Math.min(this.#chunkCost, account.priceMax);
  }

  /** How urgent the upload is from now on. */
  prioritise(id: string, priority: Priority): void {
    const account = this.#account(id);
    if (account.priority === priority) return;
    this.#unusual += Number(priority !== "normal") - Number(account.priority !== "normal");
    account.priority = priority;
    this.#yielding ??= new Yielding();
    this.#yielding.changed();
  }

  /** Closes the account; what it held is free again. Does nothing for one that never joined. */
  leave(id: string): void {
    const account = this.#accounts.get(id);
    if (account === undefined) return;
    const { user } = account;
    this.prioritise(id, "normal");
    this.#yielding?.forget(account);
    this.#setOnLine(account, 0);
    this.#setAllowance(account, () => {
      account.window = 0;
    });
    account.unstored = 0;
    this.#hold(account, -account.held);
    groupOf(account).accounts.delete(account);
    this.#accounts.delete(id);
    if (user.tried.accounts.size + user.untried.accounts.size === 0) this.#users.delete(user.name);
  }

  /** The upload ended: only what is being stored stays in its account, until it leaves. */
  end(id: string): void {
    const account = this.#account(id);
    this.want(id, 0);
    this.#hold(account, account.unstored - account.held);
  }

  /** Takes what the machine of `id` says about its credit. */
  hear(id: string, report: CreditReport, now: number): void {
    switch (report.kind) {
      case "want":
        return this.want(id, report.window, report.onLine);
      case "use":
        return this.use(id, now);
      case "late":
        return this.late(id, now);
      case "stored":
        return this.stored(id);
      case "undo":
        return this.undo(id, now);
      case "give-back":
        return this.giveBack(id, report.amount);
      default:
        return unreachable(report);
    }
  }

  /**
   * From now on `id` can use up to `window` chunks at once; 0 for none. What it holds it keeps. `onLine` of them are on their way at any
   * time, because the line is long.
   */
  want(id: string, window: number, onLine = 0): void {
    assert(Number.isInteger(window) && window >= 0, "a window is a number of chunks");
    const account = this.#account(id);
    this.#setOnLine(account, Math.min(onLine, window));
    if (account.window === window) return;
    this.#yielding?.changed();
    this.#setAllowance(account, () => {
      account.window = window;
    });
  }

  /** A chunk of `id` arrived, for which it had credit. */
  use(id: string, now: number): void {
    const account = this.#account(id);
    assert(account.unstored < account.held, `upload ${id} uses only credit that it has`);
    account.unstored += 1;
    if (account.unstored === account.held) this.#holders.delete(account);
    const waitedMs = now - account.unusedSince;
    account.unusedSince = now;
    this.#learn(account, waitedMs);
    const isPrompt = waitedMs <= limits.reclaimAfterMs;
    if (isPrompt && account.isTried && account.grown >= account.window) return;
    this.#setAllowance(account, () => {
      account.isTried = isPrompt;
      account.grown = isPrompt ? Math.min(2 * account.grown, limits.maxQueueMax) : limits.firstGrantChunks;
    });
  }

  /** A chunk of `id` came in its place, but after its credit was taken back. */
  late(id: string, now: number): void {
    const account = this.#account(id);
    this.#learn(account, now - account.unusedSince);
  }

  /** A chunk of `id` that arrived is stored. */
  stored(id: string): void {
    const account = this.#account(id);
    assert(account.unstored > 0, `upload ${id} has only what arrived stored`);
    account.unstored -= 1;
    this.#hold(account, -1);
  }

  /** What arrived of `id` and was not stored is lost: its client holds credit for it once more. */
  undo(id: string, now: number): void {
    const account = this.#account(id);
    account.unstored = 0;
    account.unusedSince = now;
    if (account.held > 0) this.#holders.add(account);
  }

  /** `amount` of the unused credit of `id` is free again. */
  giveBack(id: string, amount: number): void {
    const account = this.#account(id);
    const unused = account.held - account.unstored;
    assert(amount >= 0 && amount <= unused, `upload ${id} gives back no more than the ${unused} it has`);
    this.#hold(account, -amount);
    if (amount < unused || !account.isTried) return;
    this.#setAllowance(account, () => {
      account.isTried = false;
      account.grown = limits.firstGrantChunks;
    });
  }

  /** Gives out what is free, in turn, and says whose credit is to be taken back for those that got none. */
  distribute(now: number): CreditTurn {
    if (this.#yielding !== null) this.#yield(this.#yielding, now);
    if (this.#areTargetsOld) this.#setTargets();
    const grants = this.#grantPaid(now);
    const waiting = [...this.#users.values()].filter(isWaiting);
    let last: Account | null = null;
    let isUsedUp = false;
    while (!isUsedUp) {
      const account = this.#held < this.#capacity ? nextOf(waiting) : null;
      const wanted = account === null ? 0 : suitable(account);
      const amount =
        account === null ? 0 : affordable(account, wanted, this.#capacity - this.#held, Math.floor);
      // Whose turn it is waits until there is enough for a chunk: who wants less does not come before.
      isUsedUp = this.#held === this.#capacity || amount < wanted;
      if (account === null || amount === 0) break;
      grants.push(this.#grant(account, amount, now));
      account.user.servedAt = ++this.#turns;
      last = account;
    }
    this.#wakeAt = null;
    const unsatisfied = isUsedUp || this.#held === this.#capacity ? last : null;
    const reclaims = waiting.length === 0 ? [] : this.#reclaims(waiting, unsatisfied, now);
    const restedAt = this.#yielding?.wakeAt ?? null;
    if (restedAt !== null) this.#wakeAt = Math.min(this.#wakeAt ?? restedAt, restedAt);
    return { grants, reclaims };
  }

  #yield(yielding: Yielding, now: number): void {
    for (const account of yielding.toChange(this.#accounts.values(), now))
      this.#setAllowance(account, () => {
        account.isYielding = !account.isYielding;
        yielding.forget(account);
        // What it has is its first round.
        if (account.isYielding && account.held > 0) account.roundAt = now;
      });
    for (const account of yielding.rested(now)) this.#queueUp(account);
    if (this.#unusual === 0) this.#yielding = null;
  }

  #grantPaid(now: number): CreditGrant[] {
    const grants: CreditGrant[] = [];
    for (const account of this.#paid)
      if (isPaid(account) && isHungry(account))
        grants.push(this.#grant(account, targetOf(account) - account.held, now));
    this.#paid.clear();
    return grants;
  }

  #grant(account: Account, amount: number, now: number): CreditGrant {
    const group = groupOf(account);
    assert(amount >= 1, `upload ${account.id} is given something when it is its turn`);
    if (account.held === account.unstored) account.unusedSince = now;
    group.hungry.delete(account);
    if (account.isYielding) beginRound(account, now);
    this.#hold(account, amount);
    return { id: account.id, amount };
  }

  // Those that wait and could have more if there were some, and those that have nothing because of their own user's
  // other uploads.
  #reclaims(waiting: readonly User[], last: Account | null, now: number): readonly string[] {
    const needs: Need[] = [];
    // What was left was less than it may have.
    if (last !== null && last.held < targetOf(last) && !isAtTarget(last.user))
      needs.push({ account: last, isOwn: false });
    for (const user of waiting) {
      const first = firstOf(user);
      const starving = starvingOf(user);
      if (first !== null) needs.push({ account: first, isOwn: false });
      if (starving !== null && starving !== first) needs.push({ account: starving, isOwn: true });
    }
    if (needs.length === 0) return [];
    if (now < this.#lookedAt + lookAgainMs) {
      this.#wakeAt = this.#lookedAt + lookAgainMs;
      return [];
    }
    this.#lookedAt = now;
    return this.#take(needs, now);
  }

  #take(needs: readonly Need[], now: number): string[] {
    const stale: Account[] = [];
    for (const holder of this.#holders) {
      const staleAt = holder.unusedSince + holder.patienceMs;
      if (staleAt <= now) stale.push(holder);
      else this.#wakeAt = Math.min(this.#wakeAt ?? staleAt, staleAt);
    }
    stale.sort((a, b) => a.unusedSince - b.unusedSince);
    const taken = new Set<Account>();
    for (const { account, isOwn } of needs) {
      const lacking = costOf(account, targetOf(account)) - costOf(account, account.held);
      let missing = Math.max(account.price, lacking);
      for (const holder of stale) {
        if (missing <= 0) break;
        if (holder === account || taken.has(holder) || !mayTake(holder, account, isOwn)) continue;
        taken.add(holder);
        missing -= costOf(holder, holder.held) - costOf(holder, holder.unstored);
      }
    }
    return [...taken].map(({ id }) => id);
  }

  #learn(account: Account, waitedMs: number): void {
    account.patienceMs = Math.min(Math.max(limits.reclaimAfterMs, 2 * waitedMs), limits.patienceMsMax);
  }

  #account(id: string): Account {
    const account = this.#accounts.get(id);
    assert(account !== undefined, `upload ${id} has joined the office`);
    return account;
  }

  #hold(account: Account, amount: number): void {
    const group = groupOf(account);
    const before = costOf(account, account.held);
    account.held += amount;
    const cost = costOf(account, account.held) - before;
    group.held += cost;
    this.#held += cost;
    if (account.held > account.unstored) this.#holders.add(account);
    else this.#holders.delete(account);
    this.#queueUp(account);
  }

  // Makes a change that may move the account to the other group of its user, or change what it may hold.
  #setAllowance(account: Account, change: () => void): void {
    const before = groupOf(account);
    this.#count(account, before, -1);
    before.accounts.delete(account);
    before.hungry.delete(account);
    const cost = costOf(account, account.held);
    before.held -= cost;
    change();
    const after = groupOf(account);
    after.accounts.add(account);
    after.held += cost;
    this.#count(account, after, 1);
    this.#queueUp(account);
    this.#areTargetsOld = true;
  }

  #count(account: Account, group: Group, by: 1 | -1): void {
    const allowance = costOf(account, allowanceOf(account));
    if (allowance === 0) return;
    group.wanted += by * allowance;
    const count = (group.allowances.get(allowance) ?? 0) + by;
    if (count === 0) group.allowances.delete(allowance);
    else group.allowances.set(allowance, count);
  }

  // By its allowance; whether its target lets it have some is looked at when it is its turn.
  #queueUp(account: Account): void {
    const { hungry } = groupOf(account);
    if (hungry.has(account)) return;
    const allowance = allowanceOf(account);
    if (allowance === 0 || account.held > Math.floor(allowance / 2)) return;
    if (this.#yielding?.holdsBack(account) === true) return;
    if (isPaid(account)) return void this.#paid.add(account);
    account.turn = ++this.#turns;
    hungry.add(account);
  }

  #setTargets(): void {
    this.#areTargetsOld = false;
    setTargets([...this.#users.values()], this.#lendable, this.#untriedMax, (account) =>
      this.#queueUp(account),
    );
  }

  get #lendable(): number {
    if (!this.#mayHurry()) return this.#capacity;
    return Math.min(this.#capacity, shortChunks(this.#accounts.size, this.#onLine) * this.#chunkCost);
  }

  #setOnLine(account: Account, onLine: number): void {
    if (account.onLine === onLine) return;
    this.#onLine += onLine - account.onLine;
    account.onLine = onLine;
    this.#areTargetsOld = true;
  }
}

/** One part in so many of the capacity is for all untried uploads of a user. */
const untriedShare = 4;
