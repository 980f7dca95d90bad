// How fast something may be sent, as people write it: a rate, or a timetable of rates in local time.
//
//   20MB/s
//   Mon-Fri 08:00-18:00 5MB/s, 20MB/s      # 5 MB/s in working hours, else 20
//   22:00-06:00 unlimited, 1MB/s           # over midnight: belongs to the day on which it begins

import { isIn, type WeekSpan } from "../base/week-spans.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import type { Kind } from "./setting.ts";
import { parseSize } from "./size.ts";
import { parseSpan } from "./timetable.ts";

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

export interface RateSpan extends WeekSpan {
  readonly rate: Rate;
}

/** Below this chunks would be so short that what is around them is most of it. */
const rateMin = 10_000;

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
  const span = spans.find((it) => isIn(it, moment));
  return span === undefined ? otherwise : span.rate;
}

/** What `parseRateLimit` reads as `rate`: `20MB/s`, `unlimited`. */
export function writeRate(rate: Rate): string {
  if (rate === null) return "unlimited";
  const unit = [1e9, 1e6, 1e3].find((it) => rate >= it) ?? 1;
  const letter = { 1e9: "G", 1e6: "M", 1e3: "k" }[unit] ?? "";
  return `${Number((rate / unit).toFixed(3))}${letter}B/s`;
}

function parseEntry(entry: string): Parsed<Rate | RateSpan> {
  const [, first, last, from, to, rateText = ""] = entryForm.exec(entry) ?? [];
  const rate = parseRate(rateText);
  const span = parseSpan({ first, last, from, to, entry }, hint);
  if (!span.ok) return span;
  if (!rate.ok) return rate;
  return right(first === undefined && from === undefined ? rate.value : { ...span.value, rate: rate.value });
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
