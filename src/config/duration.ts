// Lengths of time as people write and read them.

import { type Parsed, right, wrong } from "./parsed.ts";

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: secondMs,
  m: minuteMs,
  h: hourMs,
  d: dayMs,
  w: 7 * dayMs,
};

/** Milliseconds behind `text`: `90s`, `24h`, `7d`, `1h30m`, `1.5h`, and `0`. */
export function parseDuration(text: string): Parsed<number> {
  const durationMs = text === "0" ? 0 : sumOfParts(text);
  if (Number.isSafeInteger(durationMs)) return right(durationMs);
  return wrong("a duration", `"${text}"`, { hint: "write a number with a unit: 90s, 15m, 24h, 7d" });
}

/** What `parseDuration` reads as `durationMs`, with one unit: `90s`, `1m`, `7d`. */
export function writeDuration(durationMs: number): string {
  const unit = ["d", "h", "m", "s"].find((it) => durationMs % unitMs[it]! === 0) ?? "ms";
  return durationMs === 0 ? "0" : `${durationMs / unitMs[unit]!}${unit}`;
}

function sumOfParts(text: string): number {
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(text)) return Number.NaN;
  let sum = 0;
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g))
    sum += Number(value) * unitMs[unit!]!;
  return Math.round(sum);
}

/** Short text of a length of time, rounded up to what matters: `8 s`, `4:05 min`, `2:10 h`, `3 d 4 h`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.ceil(durationMs / secondMs);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${twoDigits(seconds % 60)} min`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}:${twoDigits(minutes % 60)} h`;
  const hours = Math.ceil(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The same as a clock shows it, for displays that are redrawn: `0:08`, `4:05`, `2:10:00`, `3 d`. */
export function formatCountdown(durationMs: number): string {
  const seconds = Math.ceil(durationMs / secondMs);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${twoDigits(seconds % 60)}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}`;
  return `${Math.ceil(hours / 24)} d`;
}

/** A long time in words, e.g. `7 days` or `0.5 days`. */
export function daysText(durationMs: number): string {
  const days = Math.round((durationMs / dayMs) * 10) / 10;
  return days === 1 ? "1 day" : `${days} days`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
