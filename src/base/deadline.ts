// Until when something is good, as people write and read it: a day, to its end, or a moment.

import { localTime } from "./local-time.ts";

/**
 * The last second of what `text` names: a day, `2027-01-31`, by the clock of this machine, or a moment of RFC 3339,
 * `2027-01-31T12:00:00+01:00`. `null` for any other text.
 */
export function parseDeadline(text: string): Date | null {
  const found =
    /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?([Zz]|[+-]\d\d:\d\d))?$/.exec(text);
  if (found === null) return null;
  const [year, month, day, hour, minute, second = 0] = found
    .slice(1, 7)
    .map((it) => (it === undefined ? 0 : Number(it)));
  const zone = found[7];
  if (!isDay(year as number, month as number, day as number)) return null;
  if (zone === undefined) return new Date(year as number, (month as number) - 1, day, 23, 59, 59);
  const moment = Date.parse(
    `${found[1]}-${found[2]}-${found[3]}T${found[4]}:${found[5]}:${two(second)}${zone.toUpperCase()}`,
  );
  const isTime = (hour as number) < 24 && (minute as number) < 60 && second < 60;
  return isTime && !Number.isNaN(moment) ? new Date(moment) : null;
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

function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
