// The records of a pax extended header (IEEE 1003.1): "LENGTH KEY=VALUE\n", where the length counts itself. They say what
// the fields of a ustar header cannot. Pure.

import { shown } from "./fields.ts";
import { TarFault } from "./member.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const [newline, equals, space, zero] = [0x0a, 0x3d, 0x20, 0x30];
// More digits make a number that no header has room for.
const lengthDigitsMax = 6;

/** The bytes of the records, in the order in which they are given. */
export function encodeRecords(records: readonly (readonly [key: string, value: string])[]): Uint8Array {
  return encoder.encode(records.map(([key, value]) => recordOf(key, value)).join(""));
}

function recordOf(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = encoder.encode(rest).length;
  // Its own digits may make it a digit longer.
  const length = bytes + String(bytes + String(bytes).length).length;
  return `${length}${rest}`;
}

/** Calls `found` for each record, in order. Throws `TarFault` unless `bytes` are records and nothing else. */
export function decodeRecords(bytes: Uint8Array, found: (key: string, value: Uint8Array) => void): void {
  for (let at = 0; at < bytes.length; ) {
    const [length, digits] = lengthAt(bytes, at);
    const end = at + length;
    if (digits === 0 || bytes[at + digits] !== space || bytes[end - 1] !== newline)
      throw brokenRecord(bytes.subarray(at));
    const start = at + digits + 1;
    const sign = bytes.indexOf(equals, start);
    if (sign <= start || sign >= end - 1) throw brokenRecord(bytes.subarray(at));
    found(decoder.decode(bytes.subarray(start, sign)), bytes.subarray(sign + 1, end - 1));
    at = end;
  }
}

/** The decimal number at `at`, and how many digits it has: 0 when there is none that a record can have. */
function lengthAt(bytes: Uint8Array, at: number): readonly [length: number, digits: number] {
  let length = 0;
  for (let digits = 0; digits <= lengthDigitsMax; digits++) {
    const digit = (bytes[at + digits] ?? 0) - zero;
    if (!(digit >= 0 && digit <= 9)) return [length, digits];
    length = length * 10 + digit;
  }
  return [0, 0];
}

function brokenRecord(bytes: Uint8Array): TarFault {
  const shownBytesMax = 40;
  return new TarFault(
    `A pax record is broken: ${shown(decoder.decode(bytes.subarray(0, shownBytesMax)))}, expected "LENGTH KEY=VALUE" and a line end`,
  );
}

/** Nanoseconds since 1970 of a time in a record: decimal seconds, cut to whole nanoseconds. */
export function recordTime(value: Uint8Array): bigint {
  const text = decoder.decode(value);
  const found = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (found === null) throw new TarFault(`The pax time ${shown(text)} is no number of seconds`);
  const [, sign, seconds = "", digits = ""] = found;
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(digits.slice(0, 9).padEnd(9, "0"));
  return sign === "" ? nanoseconds : -nanoseconds;
}
