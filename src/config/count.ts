// Whole numbers as people write them.

import { type Parsed, right, wrong } from "./parsed.ts";

/** The number behind `text`, from `min` to `max`. */
export function parseCount(text: string, min: number, max: number): Parsed<number> {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return right(value);
  return wrong(`a whole number from ${min} to ${max}`, `"${text}"`);
}

/** A TCP port to connect to. */
export function parsePort(text: string): Parsed<number> {
  return parseCount(text, 1, 65535);
}
