// Times as text: RFC 3339 in UTC, to the nanosecond, which no `Date` can hold.

const perSecond = 1_000_000_000n;

/** RFC 3339 text in UTC of so many nanoseconds since 1970, or `null` outside the years 0 to 9999 that it can write. */
export function timestampOf(nanoseconds: bigint): string | null {
  const fraction = ((nanoseconds % perSecond) + perSecond) % perSecond;
  const date = new Date(Number((nanoseconds - fraction) / perSecond) * 1000);
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) return null;
  const digits = fraction === 0n ? "" : `.${fraction.toString().padStart(9, "0").replace(/0+$/, "")}`;
  return `${date.toISOString().slice(0, 19)}${digits}Z`;
}

/** Nanoseconds since 1970 of an RFC 3339 text in UTC (`2026-11-26T09:30:00.123456789Z`), or `null` for any other text. */
export function parseTimestamp(text: string): bigint | null {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  if (found === null) return null;
  const [, second = "", digits = ""] = found;
  const date = new Date(`${second}Z`);
  // February 30 would become March 2.
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 19) !== second) return null;
  return BigInt(date.getTime() / 1000) * perSecond + BigInt(digits.padEnd(9, "0"));
}

/**
 * Seconds since 1970 of an RFC 3339 text, as the text that `utimes` takes: as a number it would mean "now" when it is
 * negative, from before 1970. Throws for any other text.
 */
export function secondsText(timestamp: string): string {
  const nanoseconds = parseTimestamp(timestamp);
  if (nanoseconds === null) throw new RangeError(`"${timestamp}" is no time`);
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = (absolute % perSecond).toString().padStart(9, "0");
  return `${nanoseconds < 0n ? "-" : ""}${absolute / perSecond}.${fraction}`;
}
