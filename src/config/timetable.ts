// Times of the week, as people write them in local time:
//
//   Mon-Fri 08:00-18:00
//   Mon-Fri 08:00-18:00, Sat 09:00-12:00
//   22:00-06:00                            # over midnight: belongs to the day on which it begins

import { dayMinutes, type WeekSpan } from "../base/week-spans.ts";
import { type Parsed, right, wrong } from "./parsed.ts";

const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const everyDay = [0, 1, 2, 3, 4, 5, 6];
const spanForm = /^(?:([a-z]+)(?:-([a-z]+))?)?(?:(?:^| +)(\d\d?:\d\d)-(\d\d?:\d\d))?$/i;
const hint = 'write "Mon-Fri 08:00-18:00", or several between commas';

/** The times behind `text`: entries between commas, each days, times, or both. */
export function parseTimetable(text: string): Parsed<readonly WeekSpan[]> {
  const spans: WeekSpan[] = [];
  for (const entry of text.split(",").map((it) => it.trim().replaceAll(/\s+/g, " "))) {
    const found = entry === "" ? null : spanForm.exec(entry);
    if (found === null) return wrong("times of the week", `"${entry}"`, { hint });
    const span = parseSpan({ first: found[1], last: found[2], from: found[3], to: found[4], entry }, hint);
    if (!span.ok) return span;
    spans.push(span.value);
  }
  return right(spans);
}

/** Parts of an entry, as they are written. */
export interface WrittenSpan {
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** All of it, for people. */
  readonly entry: string;
}

/** The span behind them: without days it is for each, without times for the whole day. `dayHint` says how days are written. */
export function parseSpan({ first, last, from, to, entry }: WrittenSpan, dayHint: string): Parsed<WeekSpan> {
  const days = first === undefined ? everyDay : daysFrom(first, last ?? first);
  if (days === null) return wrong("days such as Mon, or Mon-Fri", `"${entry}"`, { hint: dayHint });
  if (from === undefined || to === undefined) return right({ days, from: 0, to: dayMinutes });
  const [begin, end] = [minuteOf(from), minuteOf(to)];
  if (begin === null || end === null || begin === dayMinutes || begin === end) {
    const times = "write a beginning and another end: 08:00-18:00, 22:00-06:00";
    return wrong("times from 00:00 to 24:00", `"${from}-${to}"`, { hint: times });
  }
  return right({ days, from: begin, to: end });
}

/** From `first` to `last`, over the end of the week where that is before it. */
function daysFrom(first: string, last: string): readonly number[] | null {
  const [begin, end] = [dayOf(first), dayOf(last)];
  if (begin < 0 || end < 0) return null;
  const count = ((end - begin + 7) % 7) + 1;
  return Array.from({ length: count }, (_, index) => (begin + index) % 7);
}

function dayOf(name: string): number {
  return dayNames.findIndex((day) => day.toLowerCase() === name.toLowerCase());
}

function minuteOf(time: string): number | null {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  const minute = 60 * hours + minutes;
  return minutes < 60 && minute <= dayMinutes ? minute : null;
}
