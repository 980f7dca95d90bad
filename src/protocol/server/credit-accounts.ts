// What the credit office knows of users and their uploads, and what follows from it: who may have more, whose turn it is,
// and from whom something may be taken. Part of `credit-office.ts`, whose theory of operation explains it.

import { limits } from "../limits.ts";
import type { Priority } from "../priority.ts";

export interface Account {
  readonly id: string;
  readonly user: User;
  /** What a chunk takes of the budget, and all chunks of the upload together: it has no more bytes. */
  price: number;
  priceMax: number;
  window: number;
  /** So many chunks of that are on a long line at any time. */
  onLine: number;
  /** Most that it may hold, unless its window is smaller. */
  grown: number;
  isTried: boolean;
  held: number;
  unstored: number;
  /** When it was last given or used credit, monotonic ms; infinite before. */
  unusedSince: number;
  patienceMs: number;
  priority: Priority;
  /** Others are more urgent: it sends a part of its window, and rests as `yielding.ts` says. */
  isYielding: boolean;
  /** When it was last given something while it yields, monotonic ms; `null`: nothing is under way, or it does not. */
  roundAt: number | null;
  /** Since when it could be given something while it yields, monotonic ms; `null`: it cannot, or does not. */
  readySince: number | null;
  /** That is long ago: it is given something as if it did not yield. */
  isOverdue: boolean;
  /** Its place among those that are hungry. */
  turn: number;
}

/** Uploads of a user that are tried, or those that are not. */
export interface Group {
  readonly accounts: Set<Account>;
  readonly hungry: Set<Account>;
  /** How many that want credit have an allowance of this cost. */
  readonly allowances: Map<number, number>;
  /** What they hold costs this much, and what they could use. */
  held: number;
  wanted: number;
  /** What they may hold together may cost so much, and that of each of them. */
  room: number;
  level: number;
}

export interface User {
  readonly name: string;
  readonly tried: Group;
  readonly untried: Group;
  /** What its uploads may hold may cost so much. */
  target: number;
  servedAt: number;
}

export function newGroup(): Group {
  return {
    accounts: new Set(),
    hungry: new Set(),
    allowances: new Map(),
    held: 0,
    wanted: 0,
    room: 0,
    level: 0,
  };
}

/** One that wants nothing yet, a chunk of which costs `price`. */
export function newAccount(id: string, user: User, price: number): Account {
  return {
    id,
    user,
    price,
    priceMax: Number.POSITIVE_INFINITY,
    window: 0,
    onLine: 0,
    grown: limits.firstGrantChunks,
    isTried: false,
    held: 0,
    unstored: 0,
    unusedSince: Number.POSITIVE_INFINITY,
    patienceMs: limits.reclaimAfterMs,
    priority: "normal",
    isYielding: false,
    roundAt: null,
    readySince: null,
    isOverdue: false,
    turn: 0,
  };
}

export function groupOf({ user, isTried }: Account): Group {
  return isTried ? user.tried : user.untried;
}

/** What so many chunks of it take of the budget. */
export function costOf({ price, priceMax }: Account, chunks: number): number {
  return Math.min(chunks * price, priceMax);
}

/** Whether what it holds costs as much as all of its bytes: more chunks of it cost nothing. */
export function isPaid(account: Account): boolean {
  return isAllPaid(account, account.held);
}

function isAllPaid({ price, priceMax }: Account, chunks: number): boolean {
  return chunks > 0 && chunks * price >= priceMax;
}

/** How many of `amount` chunks more it can have for `budget`; rounded up, where the last one may cost some more. */
export function affordable(
  account: Account,
  amount: number,
  budget: number,
  round: (it: number) => number,
): number {
  const { held, price } = account;
  if (costOf(account, held + amount) - costOf(account, held) <= budget) return amount;
  const chunks = Math.min(amount, round(budget / price));
  // What comes behind all that it has costs nothing.
  return chunks > 0 && isAllPaid(account, held + chunks) ? amount : chunks;
}

/** What all uploads of a user hold costs so much. */
export function heldOf({ tried, untried }: User): number {
  return tried.held + untried.held;
}

/** Most chunks that it may hold, as far as it alone is concerned. */
export function allowanceOf({ window, grown, isYielding }: Account): number {
  const allowance = Math.min(window, grown);
  return isYielding && window > 0
    ? Math.min(allowance, Math.max(1, Math.floor(window / yieldingShare)))
    : allowance;
}

/** Who yields may have one part in so many of its window under way. */
const yieldingShare = 8;

/** Most chunks that it may hold beside the others. Rounded up, so that nothing is left over where it does not divide. */
export function targetOf(account: Account): number {
  const allowance = allowanceOf(account);
  const chunks = Math.ceil(groupOf(account).level / account.price);
  return isPaid(account) || isAllPaid(account, chunks) ? allowance : Math.min(allowance, chunks);
}

/** How many chunks it is to be given beside the others, whose turn it is. */
export function suitable(account: Account): number {
  const { user } = account;
  const group = groupOf(account);
  const lacking = targetOf(account) - account.held;
  const room = Math.min(user.target - heldOf(user), group.room - group.held);
  return affordable(account, lacking, room, Math.ceil);
}

/** Whether it could be given something. */
export function isHungry(account: Account): boolean {
  return targetOf(account) > 0 && account.held <= hungryFrom(account);
}

/** Whether it has no more credit unused than it may hold when it is given more. */
export function isRunningLow(account: Account): boolean {
  return account.held - account.unstored <= hungryFrom(account);
}

function hungryFrom(account: Account): number {
  return account.isYielding ? 0 : Math.floor(targetOf(account) / 2);
}

export function isWaiting({ tried, untried }: User): boolean {
  return tried.hungry.size > 0 || untried.hungry.size > 0;
}

/** Whether those that do not yield are given something before `account` is. */
function isBehind({ isYielding, isOverdue }: Account): boolean {
  return isYielding && !isOverdue;
}

/** Whose turn it is among `users`, if any of them may have more. */
export function nextOf(users: readonly User[]): Account | null {
  let best: Account | null = null;
  for (const user of users) {
    const isLater = best !== null && !isBefore(user, best.user);
    if (isLater && best !== null && !isBehind(best)) continue;
    const first = firstOf(user);
    if (first === null || (isLater && isBehind(first))) continue;
    if (best === null || isBehind(best) || !isBehind(first)) best = first;
  }
  return best;
}

/** Whether it is the turn of `a` rather than that of `b`. */
export function isBefore(a: User, b: User): boolean {
  const [held, other] = [heldOf(a), heldOf(b)];
  return held < other || (held === other && a.servedAt < b.servedAt);
}

/** Whether the uploads of `user` hold all that they may hold together. */
export function isAtTarget(user: User): boolean {
  return heldOf(user) >= user.target;
}

/** The upload of `user` that waited longest, of those that may have more. */
export function firstOf(user: User): Account | null {
  if (isAtTarget(user)) return null;
  const tried = firstIn(user.tried);
  const untried = firstIn(user.untried);
  if (tried === null || untried === null) return tried ?? untried;
  if (isBehind(tried) !== isBehind(untried)) return isBehind(tried) ? untried : tried;
  return tried.turn < untried.turn ? tried : untried;
}

function firstIn(group: Group): Account | null {
  if (group.held >= group.room) return null;
  let first: Account | null = null;
  for (const account of group.hungry) {
    if (isHungry(account)) {
      if (!isBehind(account)) return account;
      first ??= account;
      continue;
    }
    // Comes back when it holds less, or its group has more for each.
    group.hungry.delete(account);
  }
  return first;
}

/** An upload of `user` that wants credit and has none. */
export function starvingOf({ tried, untried }: User): Account | null {
  for (const { hungry } of [tried, untried]) {
    for (const account of hungry) if (account.held === 0) return account;
  }
  return null;
}

export function mayTake(holder: Account, forWhom: Account, isOwn: boolean): boolean {
  if (holder.user === forWhom.user) return forWhom.held === 0;
  if (isOwn) return false;
  return forWhom.held === 0 || heldOf(holder.user) > holder.user.target;
}

/**
 * The highest level to which all can be filled within `capacity`, each up to its size; `sizes` says how many there are
 * of each. Rounded up, so that nothing is left over where it does not divide; at least 1.
 */
export function levelOf(sizes: ReadonlyMap<number, number>, capacity: number): number {
  const sorted = [...sizes].sort(([a], [b]) => a - b);
  let count = sorted.reduce((sum, [, times]) => sum + times, 0);
  let left = capacity;
  for (const [size, times] of sorted) {
    const level = Math.ceil(left / count);
    if (size > level || size * count > left) return Math.max(1, Math.min(size, level));
    left -= size * times;
    count -= times;
  }
  return sorted.at(-1)?.[0] ?? 1;
}
