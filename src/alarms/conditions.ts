// What the conditions of alarms find, in words. Pure: what they look at is looked up by `server/alarm-facts.ts`.

import { formatSize } from "../base/size-text.ts";
import { coveredMs } from "../base/week-spans.ts";
import type { Alarm, Condition, Finding } from "./alarm.ts";

type Of<Kind extends Condition["when"]> = Extract<Condition, { readonly when: Kind }>;

/** Somebody who sent something once. */
export interface Arrival {
  readonly user: string;
  /** When something of that user was stored last: ISO 8601, UTC. */
  readonly lastAt: string;
}

/** An upload that is not complete. */
export interface Unfinished {
  readonly user: string;
  readonly name: string;
  /** When something of it was stored last: ISO 8601, UTC. */
  readonly updatedAt: string;
}

/** A hook that did not take something. */
export interface FailingHook {
  readonly hook: string;
  /** Since when the oldest of what it did not take waits: ISO 8601, UTC. */
  readonly since: string;
  /** How many deliveries wait that failed. */
  readonly failing: number;
  /** Why the oldest failed last. */
  readonly error: string | null;
}

export interface DiskFacts {
  /** Bytes; `null`: nobody can tell. */
  readonly free: number | null;
  /** When it is full as it goes on, in ms; `null`: it does not fill, or it is not known long enough. */
  readonly fullInMs: number | null;
}

export interface ExpiringKey {
  readonly user: string;
  readonly fingerprint: string;
  /** Name of its file. */
  readonly file: string;
  readonly expiresAt: Date;
}

/** What was stored and is not what it was any more. */
export interface DamageFacts {
  /** How many uploads. */
  readonly uploads: number;
  /** Some of them, as `user/name`. */
  readonly some: readonly string[];
}

// What fell under a bound goes on until it is over it by so much: what wavers is not told again and again.
const slack = 1.1;
const namesMax = 3;

/** Who of `arrivals`, which the alarm is about, is silent. */
export function silentFindings(
  { name, condition }: Pick<Alarm, "name"> & { readonly condition: Of<"silent"> },
  arrivals: readonly Arrival[],
  now: Date,
): readonly Finding[] {
  const { afterMs, during, together } = condition;
  const isSilent = ({ lastAt }: Arrival): boolean => {
    const last = new Date(lastAt);
    if (during === null) return now.getTime() - last.getTime() >= afterMs;
    return coveredMs(during, last, now, afterMs) >= afterMs;
  };
  const wanted = `at least every ${span(afterMs)}${during === null ? "" : " of the hours that count"}`;
  if (together) {
    const last = arrivals.toSorted((a, b) => (a.lastAt < b.lastAt ? -1 : 1)).at(-1);
    if (last === undefined || !isSilent(last)) return [];
    const text = `Nothing arrived from anybody of "${name}" since ${when(last.lastAt)} (${last.user}); expected ${wanted}`;
    return [{ subject: "all", begins: true, text }];
  }
  return arrivals.filter(isSilent).map(({ user, lastAt }) => ({
    ...{ subject: user, begins: true },
    text: `Nothing arrived from ${user} since ${when(lastAt)}; expected ${wanted}`,
  }));
}

/** Whose uploads of `uploads`, none of which got anything for long enough, do not go on: one finding for each user. */
export function stalledFindings(
  { condition }: { readonly condition: Of<"stalled"> },
  uploads: readonly Unfinished[],
): readonly Finding[] {
  const byUser = Map.groupBy(uploads, ({ user }) => user);
  return [...byUser].map(([user, all]) => {
    const oldest = all.reduce((a, b) => (b.updatedAt < a.updatedAt ? b : a));
    const names = all.slice(0, namesMax).map(({ name }) => name);
    const more = all.length > namesMax ? ` and ${all.length - namesMax} more` : "";
    const what = all.length === 1 ? "1 upload" : `${all.length} uploads`;
    const text = `${what} of ${user} got nothing for ${span(condition.afterMs)} or longer, the first since ${when(oldest.updatedAt)}: ${names.join(", ")}${more}`;
    return { subject: user, begins: true, text };
  });
}

export function diskFindings(
  { condition }: { readonly condition: Of<"disk-full"> },
  { free, fullInMs }: DiskFacts,
): readonly Finding[] {
  const { withinMs, freeBytes } = condition;
  const finding = (begins: boolean, text: string): Finding => ({ subject: "disk", begins, text });
  const left = free === null ? "" : `, ${formatSize(free)} are free`;
  const found: Finding[] = [];
  if (freeBytes !== null && free !== null && free < freeBytes * slack) {
    const text = `The disk of the data folder has ${formatSize(free)} free, wanted are ${formatSize(freeBytes)}`;
    found.push(finding(free < freeBytes, text));
  }
  if (withinMs !== null && fullInMs !== null && fullInMs < withinMs * slack)
    found.push(
      finding(
        fullInMs < withinMs,
        `The disk of the data folder is full in ${span(fullInMs)} as it goes on${left}`,
      ),
    );
  // Both are about one disk: what begins it goes first.
  return found.toSorted((a, b) => Number(b.begins) - Number(a.begins)).slice(0, 1);
}

export function hookFindings(
  { condition }: { readonly condition: Of<"hook-failing"> },
  hooks: readonly FailingHook[],
  now: Date,
): readonly Finding[] {
  return hooks
    .filter(({ since }) => now.getTime() - Date.parse(since) >= condition.afterMs)
    .map(({ hook, since, failing, error }) => {
      const waits = failing === 1 ? "1 delivery waits" : `${failing} deliveries wait`;
      const text = `The hook "${hook}" fails: ${waits}, the oldest since ${when(since)}${error === null ? "" : `: it ${error}`}`;
      return { subject: hook, begins: true, text };
    });
}

export function damageFindings({ uploads, some }: DamageFacts): readonly Finding[] {
  if (uploads === 0) return [];
  const more = uploads > some.length ? ` and ${uploads - some.length} more` : "";
  const what = uploads === 1 ? "1 stored upload was" : `${uploads} stored uploads were`;
  const text = `${what} read again and found damaged or missing: ${some.join(", ")}${more}`;
  return [{ subject: "stored", begins: true, text }];
}

export function keyFindings(
  { condition }: { readonly condition: Of<"key-expiring"> },
  keys: readonly ExpiringKey[],
  now: Date,
): readonly Finding[] {
  return keys
    .filter(({ expiresAt }) => expiresAt.getTime() - now.getTime() < condition.withinMs)
    .map(({ user, fingerprint, file, expiresAt }) => {
      const verb = expiresAt.getTime() <= now.getTime() ? "expired on" : "is good until";
      const text = `The key of ${user} ${verb} ${when(expiresAt.toISOString())} (${file})`;
      return { subject: fingerprint, begins: true, text };
    });
}

/** UTC, to the minute. */
function when(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}

function span(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  const of = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? "" : "s"}`;
  if (minutes < 120) return of(minutes, "minute");
  if (minutes < 48 * 60) return of(Math.round(minutes / 60), "hour");
  return of(Math.round(minutes / 1440), "day");
}
