// Lengths of time as people write and read them.

import { DyncError } from "../base/error.ts";
import { printable } from "./printable.ts";

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

/**
 * Milliseconds behind `text`: `90s`, `24h`, `7d`, `1h30m`, `1.5h`, and `0`. `option` names the option in the error.
 * Throws `DyncError` ("usage").
 */
export function parseDuration(text: string, option: string): number {
  const durationMs = text === "0" ? 0 : sumOfParts(text);
  if (Number.isSafeInteger(durationMs)) return durationMs;
  throw new DyncError("usage", `Option "${option}" needs a duration, found "${printable(text)}"`, {
    hint: "write a number with a unit: 90s, 15m, 24h, 7d",
  });
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

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
