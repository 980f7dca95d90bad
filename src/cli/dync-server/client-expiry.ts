// Until when keys are good, on the command line: dates that people give, and what is shown of them.

import { deadlineText, parseDeadline, shownDeadline } from "../../base/deadline.ts";
import type { DyncError } from "../../base/error.ts";
import { type Parsed, right, wrong } from "../../config/parsed.ts";
import type { AuthorizedKey } from "../../keys/authorized-clients.ts";
import { optionText, unwrap, usageError } from "../option-value.ts";

const dayMs = 24 * 3_600_000;
/** A key that is good for no longer than this is marked. */
const soonDays = 30;

/** What is wrong with `--expires` by itself. */
export function expiryFaults(text: string | undefined): readonly DyncError[] {
  const parsed = text === undefined ? null : readDate(text);
  return parsed === null || parsed.ok ? [] : [usageError(parsed.fault, optionText("expires"))];
}

/** The moment behind `--expires` of a key that is added; one that has passed would be a slip. Throws `DyncError` ("usage"). */
export function futureIn(text: string, now: Date): Date {
  const date = unwrap(readDate(text), optionText("expires"));
  if (date > now) return date;
  throw usageError(
    { wanted: "a date that is still to come", found: JSON.stringify(text) },
    optionText("expires"),
  );
}

/** What is wrong with `--at` and `--never` of `clients expire`: it needs one of them. */
export function newExpiryFaults(at: string | undefined, never: boolean): readonly DyncError[] {
  const parsed = at === undefined ? null : readDate(at);
  if (parsed?.ok === false) return [usageError(parsed.fault, optionText("at"))];
  if ((at === undefined) === never) return [];
  const found = never ? "both" : "neither";
  return [usageError({ subject: "The command", wanted: 'either "--at DATE" or "--never"', found }, "")];
}

/** For programs: until when a key is good, where it is not for ever. */
export function toldExpiry({ expiresAt }: Pick<AuthorizedKey, "expiresAt">): { readonly expires?: string } {
  return expiresAt === undefined ? {} : { expires: deadlineText(expiresAt) };
}

/** For programs: whether a key is good. */
export function stateOf(key: AuthorizedKey, now: Date): { readonly state?: "valid" | "soon" | "expired" } {
  if (key.expiresAt === undefined) return {};
  if (key.expiresAt < now) return { state: "expired" };
  return { state: daysLeft(key.expiresAt, now) <= soonDays ? "soon" : "valid" };
}

/** For people: nothing of a key that is good for ever. */
export function shownState(key: AuthorizedKey, now: Date): string {
  const { expiresAt } = key;
  if (expiresAt === undefined) return "";
  const date = shownDeadline(expiresAt);
  if (expiresAt < now) return `EXPIRED on ${date}`;
  const days = daysLeft(expiresAt, now);
  if (days > soonDays) return `expires on ${date}`;
  return `expires on ${date}, ${days === 0 ? "today" : days === 1 ? "in 1 day" : `in ${days} days`}`;
}

/** Whole days. */
function daysLeft(expiresAt: Date, now: Date): number {
  return Math.floor((expiresAt.getTime() - now.getTime()) / dayMs);
}

/** A date as people write it. */
export function readDate(text: string): Parsed<Date> {
  const date = parseDeadline(text);
  if (date !== null) return right(date);
  const hint = "write a day, 2027-01-31, or a moment with its time zone, 2027-01-31T12:00:00+01:00";
  return wrong("a date", JSON.stringify(text), { hint });
}
