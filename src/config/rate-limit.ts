// How fast something may be sent, as people write it: a rate, or a timetable of rates in local time.
//
//   20MB/s
//   Mon-Fri 08:00-18:00 5MB/s, 20MB/s      # 5 MB/s in working hours, else 20
//   22:00-06:00 unlimited, 1MB/s           # over midnight: belongs to the day on which it begins

import { type Parsed, right, wrong } from "./parsed.ts";
import type { Kind } from "./setting.ts";
import { parseSize } from "./size.ts";

/** Bytes in a second, `null` for as many as there are. */
export type Rate = number | null;

export interface RateLimit {
  /** As it was written, in one line. */
  readonly text: string;
  /** The first one that a moment is in counts. */
  readonly spans: readonly RateSpan[];
  /** The rest of the time. */
  readonly otherwise: Rate;
}

export interface RateSpan {
  /** Days of the week on which it begins, 0 being Sunday. */
  readonly days: readonly number[];
  /** Minutes of the local day. Where `to` is not after `from` it ends on the next day. */
  readonly from: number;
  readonly to: number;
  readonly rate: Rate;
}

/** Below this chunks would be so short that what is around them is most of it. */
const rateMin = 10_000;

const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const dayMinutes = 24 * 60;
const hint = 'write "20MB/s", or "Mon-Fri 08:00-18:00 5MB/s, 20MB/s"';
const entryForm = /^(?:([a-z]+)(?:-([a-z]+))? +)?(?:(\d\d?:\d\d)-(\d\d?:\d\d) +)?([^ ].*)$/i;

/** The limit behind `text`: entries between commas, each a rate, with days or times before it when it is for these alone. */
export function parseRateLimit(text: string): Parsed<RateLimit> {
  const entries = text.split(",").map((entry) => entry.trim().replaceAll(/\s+/g, " "));
  const spans: RateSpan[] = [];
  let otherwise: Rate | undefined;
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    if (!parsed.ok) return parsed;
    if (typeof parsed.value === "object" && parsed.value !== null) spans.push(parsed.value);
    else if (otherwise === undefined) otherwise = parsed.value;
    else return wrong("one rate for the rest of the time", `"${text}"`, { hint: "leave one of them away" });
  }
  return right({ text: entries.join(", "), spans, otherwise: otherwise ?? null });
}

/** A setting that is a limit. */
export const rateLimits: Kind<RateLimit> = {
  ...{ placeholder: "RATE", inFile: "text", isPath: false },
  parse: parseRateLimit,
  write: ({ text }) => text,
};

/** What `limit` allows at `moment`, by this computer's clock and time zone. */
export function rateAt({ spans, otherwise }: RateLimit, moment: Date): Rate {
  if (spans.length === 0) return otherwise;
  const minute = 60 * moment.getHours() + moment.getMinutes();
  const today = moment.getDay();
  const span = spans.find((it) => isIn(it, today, minute));
  return span === undefined ? otherwise : span.rate;
}

/** What `parseRateLimit` reads as `rate`: `20MB/s`, `unlimited`. */
export function writeRate(rate: Rate): string {
  if (rate === null) return "unlimited";
  const unit = [1e9, 1e6, 1e3].find((it) => rate >= it) ?? 1;
  const letter = { 1e9: "G", 1e6: "M", 1e3: "k" }[unit] ?? "";
  return `${Number((rate / unit).toFixed(3))}${letter}B/s`;
}

function isIn({ days, from, to }: RateSpan, today: number, minute: number): boolean {
  const isLate = minute >= from;
  if (from < to) return isLate && minute < to && days.includes(today);
  if (isLate) return days.includes(today);
  return minute < to && days.includes((today + 6) % 7);
}

function parseEntry(entry: string): Parsed<Rate | RateSpan> {
  const [, first, last, from, to, rateText = ""] = entryForm.exec(entry) ?? [];
  const rate = parseRate(rateText);
  const days = first === undefined ? [0, 1, 2, 3, 4, 5, 6] : daysFrom(first, last ?? first);
  if (days === null) return wrong("days such as Mon, or Mon-Fri", `"${entry}"`, { hint });
  if (!rate.ok) return rate;
  if (from === undefined || to === undefined)
    return right(first === undefined ? rate.value : { days, from: 0, to: dayMinutes, rate: rate.value });
  const [begin, end] = [minuteOf(from), minuteOf(to)];
  if (begin === null || end === null || begin === dayMinutes || begin === end) {
    const times = "write a beginning and another end: 08:00-18:00, 22:00-06:00";
    return wrong("times from 00:00 to 24:00", `"${from}-${to}"`, { hint: times });
  }
  return right({ days, from: begin, to: end, rate: rate.value });
}

function parseRate(text: string): Parsed<Rate> {
  if (/^(unlimited|none)$/i.test(text)) return right(null);
  // "Mb" are bits to those who look after networks, and "mb" nobody knows.
  if (/bit|bps/i.test(text) || /\d ?[kmgtKMGT]i?b\b/.test(text))
    return wrong("a number of bytes in a second", `"${text}"`, { hint: "100 Mbit/s are 12.5MB/s" });
  const size = parseSize(text.replace(/ ?\/ ?s$/i, ""));
  if (!size.ok) return wrong("a rate", `"${text}"`, { hint });
  if (size.value < rateMin) return wrong(`at least ${writeRate(rateMin)}`, `"${text}"`);
  return size;
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
