// Why an upload has no credit just now, as its client is told, and how many others are given some before. Part of
// `credit-office.ts`; looks, and changes nothing. Reckoned when a client asks: who does not wait costs nothing.

import type { Wait } from "../wait.ts";
import { type Account, groupOf, isAtTarget, isBefore, isHungry, type User } from "./credit-accounts.ts";

/** What `account` waits for, one of `users`; `null`: for nothing of the server's. */
export function waitOf(account: Account, users: Iterable<User>): Wait | null {
  const { user, held, unstored, window, isYielding } = account;
  if (held > unstored) return null;
  if (isYielding) return { cause: "urgent" };
  if (held > 0) return { cause: "disk" };
  if (window === 0) return null;
  const group = groupOf(account);
  const own = aheadInUser(account);
  if (isAtTarget(user) || group.held >= group.room) return { cause: "own", ahead: own };
  return { cause: "memory", ahead: own + aheadInOthers(user, own, users) };
}

function aheadInUser({ user, turn }: Account): number {
  return countIn(user, (other) => other.turn < turn);
}

// Users take turns, as `nextOf` has it: before the first upload of this one comes one of each that is before it, and one more of
// each before every further one.
function aheadInOthers(user: User, own: number, users: Iterable<User>): number {
  let ahead = 0;
  let isBehind = false;
  for (const other of users) {
    if (other === user) isBehind = true;
    if (other === user || isAtTarget(other)) continue;
    // Of two whose turn it is the one that came first has it.
    const isFirst = isBefore(other, user) || (!isBehind && !isBefore(user, other));
    const turns = own + (isFirst ? 1 : 0);
    if (turns > 0)
      ahead += Math.min(
        turns,
        countIn(other, () => true),
      );
  }
  return ahead;
}

/** Uploads of `user` that wait as this one does, and are `meant`. */
function countIn({ tried, untried }: User, meant: (account: Account) => boolean): number {
  let count = 0;
  for (const { hungry } of [tried, untried])
    for (const account of hungry) if (!account.isYielding && isHungry(account) && meant(account)) count += 1;
  return count;
}
