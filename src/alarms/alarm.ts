// An alarm: a condition of the steward's of which somebody is told when it begins to hold, again while it does, and when that is over.
// Pure.

import type { WeekSpan } from "../base/week-spans.ts";
import type { Matches } from "../rules/linear-pattern.ts";

/** What an alarm is about, as it is written in `server.toml`. */
export const conditionKinds = [
  "silent",
  "stalled",
  "disk-full",
  "hook-failing",
  "damaged",
  "key-expiring",
] as const;
export type ConditionKind = (typeof conditionKinds)[number];

/** Times in ms. */
export type Condition =
  /** Somebody who sends has not, for so long: of the times in `during` alone, where it is there. */
  | {
      readonly when: "silent";
      readonly afterMs: number;
      readonly during: readonly WeekSpan[] | null;
      /** All for whom the alarm is are one: who of them sends last counts. */
      readonly together: boolean;
    }
  /** An upload that is not complete got nothing for so long. */
  | { readonly when: "stalled"; readonly afterMs: number }
  /** The disk will be full within so long, as it goes on now; or has less than so many bytes. */
  | { readonly when: "disk-full"; readonly withinMs: number | null; readonly freeBytes: number | null }
  /** A hook that is told of uploads has not taken something for so long. */
  | { readonly when: "hook-failing"; readonly afterMs: number }
  /** Something that was stored was read again, and is not what it was. */
  | { readonly when: "damaged" }
  /** A key is good for no longer than that. */
  | { readonly when: "key-expiring"; readonly withinMs: number };

export interface Alarm {
  /** Letters, digits and ". _ -". */
  readonly name: string;
  readonly condition: Condition;
  /** Whose uploads and keys it is about; everybody's unless given. */
  readonly users?: readonly Matches[] | undefined;
  /** Names of the hooks that are told; all with event "alarm" unless given. */
  readonly tell?: readonly string[] | undefined;
  /** How long after it was told it is told again, ms. */
  readonly againMs: number;
}

/** One thing that an alarm is about: a user, a hook, a key, the disk. */
export interface Finding {
  /** Which one it is: the same text for as long as it is the same thing. */
  readonly subject: string;
  /** `false`: near enough to what begins it that one that is there goes on, and not enough to begin one. */
  readonly begins: boolean;
  /** What is wrong, as one sentence without a full stop, with what was measured. */
  readonly text: string;
}

/** An alarm that was told, and is not over. */
export interface Firing {
  /** Name of the alarm. */
  readonly alarm: string;
  readonly subject: string;
  /** When it was told first: ISO 8601, UTC. */
  readonly since: string;
  /** When it was told last: ms since 1970. */
  readonly toldAt: number;
  /** How often it was told. */
  readonly times: number;
  /** As `Finding.text`, when it was looked at last. */
  readonly text: string;
}

/** That it began, goes on, or is over. */
export const alarmStates = ["firing", "again", "over"] as const;
export type AlarmState = (typeof alarmStates)[number];

/** What is to be told. */
export interface Notice {
  readonly state: AlarmState;
  readonly firing: Firing;
}

/** What follows from a look. */
export interface Step {
  /** Those that are there now and were changed, or are new. */
  readonly changed: readonly Firing[];
  /** Those that are over. */
  readonly gone: readonly Firing[];
  readonly notices: readonly Notice[];
}

/**
 * What follows from `findings` for one alarm, of which `before` were told. `now` is the calendar. What was told in the future was told
 * before the calendar was set back, and counts as told now.
 */
export function stepOf(
  alarm: Pick<Alarm, "name" | "againMs">,
  before: readonly Firing[],
  findings: readonly Finding[],
  now: Date,
): Step {
  const at = now.getTime();
  const found = new Map(findings.map((it) => [it.subject, it]));
  const known = new Map(before.map((it) => [it.subject, it]));
  const changed: Firing[] = [];
  const notices: Notice[] = [];
  for (const { subject, begins, text } of found.values()) {
    const firing = known.get(subject);
    if (firing === undefined) {
      if (!begins) continue;
      const begun = { alarm: alarm.name, subject, since: now.toISOString(), toldAt: at, times: 1, text };
      changed.push(begun);
      notices.push({ state: "firing", firing: begun });
    } else if (at - firing.toldAt >= alarm.againMs) {
      const told = { ...firing, toldAt: at, times: firing.times + 1, text };
      changed.push(told);
      notices.push({ state: "again", firing: told });
    } else if (firing.toldAt > at || firing.text !== text)
      changed.push({ ...firing, toldAt: Math.min(firing.toldAt, at), text });
  }
  const gone = before.filter(({ subject }) => !found.has(subject));
  return {
    changed,
    gone,
    notices: [...notices, ...gone.map((firing): Notice => ({ state: "over", firing }))],
  };
}
