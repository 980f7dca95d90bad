// A line of the audit log: JSON with a number, the SHA-256 of the line before, and one of itself. Pure.
//
//   {"schema":1,"type":"audit","sequence":7,"time":"…","event":"finished",…,"previous":"<64 hex>","sum":"<64 hex>"}
//
// `previous` is the SHA-256 of all bytes of the line before, without its line break; `sum` that of this line up to the comma
// before `sum`. The first makes a chain; the second says which of two lines was changed, and finds a change of the last one.

import { cutText } from "../base/cut-text.ts";
import { escapedUnits } from "../base/json-text.ts";
import { sha256Hex } from "../base/sha256-hex.ts";
import type { AuditEvent, AuditValue } from "./audit.ts";

/** Where a chain ends: the number of its last line, and its SHA-256. */
export interface Head {
  readonly sequence: number;
  /** Lower-case hex. */
  readonly hash: string;
}

/** Before the first line. */
export const noLine: Head = { sequence: 0, hash: "0".repeat(64) };

/** What a line says of itself. */
export interface ReadLine {
  readonly sequence: number;
  readonly previous: string;
  /** Whether it is as it was written. */
  readonly isIntact: boolean;
}

/** No line that was ever written is longer, in bytes. */
export const lineBytesMax = 128 * 1024;

// What an event may hold. Paths are as long as the system has them.
const textBytesMax = 4 * 1024;
const eventBytesMax = 48 * 1024;
const depthMax = 8;

const beginning = /^\{"schema":1,"type":"audit","sequence":([1-9]\d{0,14}),"time":"/;
const ending = /^,"previous":"([0-9a-f]{64})","sum":"([0-9a-f]{64})"\}$/;
const beginningBytes = 80;
const sumBytes = ',"sum":""}'.length + 64;
const endingBytes = ',"previous":""'.length + 64 + sumBytes;

/** The line of `event`, without a line break, behind the one that `before` tells of. */
export function lineOf(event: AuditEvent, time: Date, before: Head): string {
  const { event: name, ...members } = event;
  const whole = JSON.stringify({
    ...{ schema: 1, type: "audit", sequence: before.sequence + 1, time: time.toISOString(), event: name },
    ...bounded(members),
    previous: before.hash,
  });
  const body = unsteering(whole).slice(0, -1);
  return `${body},"sum":"${sha256Hex(body)}"}`;
}

/** What `line` is to the one behind it. */
export function headOf(sequence: number, line: string | Uint8Array): Head {
  return { sequence, hash: sha256Hex(line) };
}

/** What stands in `line`, or `null`: it is none that was written here. */
export function readLine(line: Buffer): ReadLine | null {
  const [, sequence] = beginning.exec(line.toString("latin1", 0, beginningBytes)) ?? [];
  if (sequence === undefined || line.length < endingBytes) return null;
  const [, previous, sum] = ending.exec(line.toString("latin1", line.length - endingBytes)) ?? [];
  if (previous === undefined) return null;
  const isIntact = sha256Hex(line.subarray(0, line.length - sumBytes)) === sum;
  return { sequence: Number(sequence), previous, isIntact };
}

const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
// As nearly all lines are.
const isPlain = /^[\x20-\x7e]*$/;

/** The same JSON, with escapes for what a terminal obeys or does not show. */
function unsteering(json: string): string {
  if (isPlain.test(json)) return json;
  return json.replace(steering, escapedUnits);
}

/** `members` with every text, and all of it together, cut to what a line may take. */
function bounded(members: { readonly [name: string]: AuditValue }): AuditValue & object {
  let left = eventBytesMax;
  const cutTo = (bytesMax: number, text: string): string => {
    const kept = cutText(text, bytesMax);
    left -= writtenMax(kept);
    return kept;
  };
  const cut = (value: AuditValue, depth: number): AuditValue => {
    if (typeof value === "string") return cutTo(Math.min(textBytesMax, Math.max(left, 0)), value);
    left -= 16;
    if (typeof value !== "object" || value === null) return value;
    if (left <= 0 || depth > depthMax) return "…";
    // What there is no room for is left out.
    const asFarAsFits = <R>(make: () => R): R[] => (left <= 0 ? [] : [make()]);
    if (Array.isArray(value)) return value.flatMap((it) => asFarAsFits(() => cut(it, depth + 1)));
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, it]) =>
        asFarAsFits(() => [cutTo(textBytesMax, name), cut(it, depth + 1)] as const),
      ),
    );
  };
  return cut(members, 0) as AuditValue & object;
}

/** Bytes that a text takes at most. */
function writtenMax(text: string): number {
  return (isPlain.test(text) ? 2 : 6) * text.length + 8;
}
