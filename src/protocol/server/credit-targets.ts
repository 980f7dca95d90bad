// How the budget is shared, among users and then among the uploads of each. Part of `credit-office.ts`, whose theory of
// operation explains it.

import { type Account, type Group, levelOf, type User } from "./credit-accounts.ts";

/**
 * Says how much each of `users` may hold, of `lendable` in all, and each of its uploads; untried ones of a user together no
 * more than `untriedMax`. `onMore`: the upload was perhaps passed over when there was less for each.
 */
export function setTargets(
  users: readonly User[],
  lendable: number,
  untriedMax: number,
  onMore: (account: Account) => void,
): void {
  const demandOf = ({ tried, untried }: User): number => tried.wanted + Math.min(untried.wanted, untriedMax);
  const demands = new Map<number, number>();
  for (const user of users) {
    const demand = demandOf(user);
    if (demand > 0) demands.set(demand, (demands.get(demand) ?? 0) + 1);
  }
  const level = levelOf(demands, lendable);
  for (const user of users) {
    const { tried, untried } = user;
    user.target = Math.min(demandOf(user), level);
    // Half of it is for those that use what they have, and half for those that begin, as far as both want some.
    const half = Math.ceil(user.target / 2);
    setRoom(untried, Math.min(untriedMax, Math.max(half, user.target - tried.wanted)), onMore);
    setRoom(tried, Math.max(half, user.target - Math.min(untried.wanted, untriedMax)), onMore);
  }
}

function setRoom(group: Group, room: number, onMore: (account: Account) => void): void {
  const before = group.level;
  group.room = room;
  group.level = levelOf(group.allowances, room);
  if (group.level > before) for (const account of group.accounts) onMore(account);
}

/** Where an urgent upload may come: what all that are there have under way, and what of that is for each where they are many. */
const shortChunksMin = 16;
const shortChunksEach = 2;

/**
 * How many chunks `uploads` have under way together where an urgent one may come: what is under way then is stored before it, whatever
 * becomes of credit. Where the server is what many wait for, more than some chunks of each only make that longer; a few that are alone
 * on their lines have whole windows. What long lines hold (`onLine`) is in nobody's way.
 */
export function shortChunks(uploads: number, onLine: number): number {
  return Math.max(shortChunksMin, shortChunksEach * uploads) + onLine;
}
