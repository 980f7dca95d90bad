// Until when something is good, as people write and read it: a day, to its end, or a moment.

import { localTime } from "./local-time.ts";
import { parseTimestamp } from "./timestamp.ts";

/**
 * The last second of what `text` names: a day, `2027-01-31`, by the clock of this machine, or a moment of RFC 3339,
 * `2027-01-31T12:00:00+01:00`. `null` for any other text.
 */
export function parseDeadline(text: string): Date | null {
  const found = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?:(:\d\d)(?:\.\d+)?)?([Zz]|[+-]\d\d:\d\d))?$/.exec(
    text,
  );
  if (found === null) return null;
  const [, day, time = "23:59", seconds, zone = ""] = found;
  const written = `${day}T${time}${seconds ?? (zone === "" ? ":59" : ":00")}`;
  if (parseTimestamp(`${written}Z`) === null) return null;
  // Without a zone it is the time of this machine.
  const moment = new Date(written + zone.toUpperCase());
  return Number.isNaN(moment.getTime()) ? null : moment;
}

/** `parseDeadline` reads it as the same moment, everywhere; to the second, as RFC 3339 in UTC. */
export function deadlineText(deadline: Date): string {
  return `${deadline.toISOString().slice(0, 19)}Z`;
}

/** For people, by the clock of this machine: `2027-01-31` where it is the end of that day, else `2027-01-31 12:00`. */
export function shownDeadline(deadline: Date): string {
  const text = localTime(deadline.toISOString());
  return text.endsWith(" 23:59") ? text.slice(0, -" 23:59".length) : text;
}
