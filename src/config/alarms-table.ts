// `[[alarms]]` of a server's file: of what somebody is told, and when.

import * as v from "valibot";
import { type Alarm, type Condition, type ConditionKind, conditionKinds } from "../alarms/alarm.ts";
import type { WeekSpan } from "../base/week-spans.ts";
import type { Matches } from "../rules/linear-pattern.ts";
import { readHookName } from "./hooks-table.ts";
import { type Parsed, wrong } from "./parsed.ts";
import { type Groups, groupFaults, patterns, readTexts, unknownName, usersOf } from "./rules-table.ts";
import { choices, durations, sizes, switches } from "./setting.ts";
import { type FileReading, type MemberFault, member, memberFault, ofKind, table } from "./table.ts";
import { parseTimetable } from "./timetable.ts";
import { tomlText } from "./toml.ts";

/** An alarm as it is written. */
export interface AlarmRow {
  readonly name: string;
  readonly when: ConditionKind;
  /** Milliseconds. */
  readonly after?: number | undefined;
  readonly within?: number | undefined;
  /** Bytes. */
  readonly free?: number | undefined;
  readonly during?: readonly WeekSpan[] | undefined;
  readonly together?: boolean | undefined;
  readonly users?: readonly Matches[] | undefined;
  /** Names of groups; who is in one of them, or fits `users`, is meant. */
  readonly groups?: readonly string[] | undefined;
  /** Names of hooks. */
  readonly tell?: readonly string[] | undefined;
  readonly again?: number | undefined;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const waits = durations(minuteMs);
const againMsDefault = dayMs;
const hookFailingMsDefault = 10 * minuteMs;

/** What each condition needs, and what else it may have; all may have `tell` and `again`. */
const membersOf: Readonly<
  Record<ConditionKind, { readonly needs: readonly Member[]; readonly may: readonly Member[] }>
> = {
  silent: { needs: ["after"], may: ["during", "together", "users", "groups"] },
  stalled: { needs: ["after"], may: ["users", "groups"] },
  "disk-full": { needs: [], may: ["within", "free"] },
  "hook-failing": { needs: [], may: ["after"] },
  damaged: { needs: [], may: [] },
  "key-expiring": { needs: ["within"], may: ["users", "groups"] },
};
const conditionMembers = ["after", "within", "free", "during", "together", "users", "groups"] as const;
type Member = (typeof conditionMembers)[number];

/** What `[[alarms]]` may hold. */
export function alarmsMembers() {
  return {
    alarms: v.optional(
      v.array(
        table({
          name: member(readHookName),
          when: ofKind(choices("CONDITION", conditionKinds)),
          after: v.optional(ofKind(waits)),
          within: v.optional(ofKind(waits)),
          free: v.optional(ofKind(sizes())),
          during: v.optional(member(readTimes)),
          together: v.optional(ofKind(switches)),
          users: v.optional(patterns(false, "users")),
          groups: v.optional(member(readTexts)),
          tell: v.optional(member(readTexts)),
          again: v.optional(ofKind(waits)),
        }),
      ),
    ),
  };
}

/** What is wrong with alarms beside each other, and beside groups and hooks. */
export function alarmsFaults(
  rows: readonly AlarmRow[],
  hooks: readonly { readonly name: string; readonly event: string }[],
  groups: Groups,
  reading: Extract<FileReading<unknown>, { ok: true }>,
): readonly MemberFault[] {
  const known = hooks.filter(({ event }) => event === "alarm").map(({ name }) => name);
  const own = rows.flatMap((row, index) => {
    const at = (keys: readonly string[], text: string) =>
      memberFault(reading, ["alarms", index, ...keys], text);
    const untold = (row.tell ?? []).flatMap((name) => {
      const text = unknownName(name, known, '[[hooks]] with event = "alarm"');
      return text === null ? [] : [at(["tell"], text)];
    });
    return [...memberFaults(row).map(([keys, text]) => at(keys, text)), ...untold];
  });
  return [...groupFaults("alarms", rows, groups, reading), ...own];
}

function memberFaults(row: AlarmRow): readonly (readonly [readonly string[], string])[] {
  const { needs, may } = membersOf[row.when];
  const faults: (readonly [readonly string[], string])[] = [];
  for (const key of conditionMembers) {
    if (needs.includes(key) && row[key] === undefined)
      faults.push([[], `needs "${key}" with when = "${row.when}"`]);
    if (row[key] === undefined || needs.includes(key) || may.includes(key)) continue;
    const kinds = conditionKinds.filter((it) => [...membersOf[it].needs, ...membersOf[it].may].includes(key));
    faults.push([[key], `is for alarms with when = ${kinds.map(tomlText).join(" or ")}`]);
  }
  if (row.when === "disk-full" && row.within === undefined && row.free === undefined)
    faults.push([[], 'needs "within" (full in so many days), or "free" (less than so many bytes), or both']);
  return faults;
}

/** The alarms as they are looked at. */
export function alarmsOfRows(rows: readonly AlarmRow[], groups: Groups): readonly Alarm[] {
  return rows.map((row) => ({
    name: row.name,
    condition: conditionOf(row),
    users: usersOf(row, groups),
    tell: row.tell,
    againMs: row.again ?? againMsDefault,
  }));
}

function conditionOf({ when, after = 0, within = 0, free, during, together = false }: AlarmRow): Condition {
  switch (when) {
    case "silent":
      return { when, afterMs: after, during: during ?? null, together };
    case "stalled":
      return { when, afterMs: after };
    case "disk-full":
      return { when, withinMs: within === 0 ? null : within, freeBytes: free ?? null };
    case "hook-failing":
      return { when, afterMs: after === 0 ? hookFailingMsDefault : after };
    case "damaged":
      return { when };
    case "key-expiring":
      return { when, withinMs: within };
  }
}

function readTimes(value: unknown): Parsed<readonly WeekSpan[]> {
  const wanted = 'times of the week: "Mon-Fri 08:00-18:00"';
  return typeof value === "string" ? parseTimetable(value) : wrong(wanted, tomlText(value));
}
