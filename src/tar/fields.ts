// Numbers and texts in the fields of a tar header: octal digits (ustar), or base 256 where those do not suffice (GNU). Pure.

import { cutText } from "../base/cut-text.ts";
import { TarFault } from "./member.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const looseDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const shownBytesMax = 200;

/** A place in a header: first byte and length. */
export interface Field {
  readonly at: number;
  readonly length: number;
}

/** Writes `text`, ASCII that fits, into its field. */
export function writeText(header: Uint8Array, { at, length }: Field, text: string): void {
  encoder.encodeInto(text, header.subarray(at, at + length));
}

/** Writes `value`, which fits, as octal digits with a NUL behind them. */
export function writeOctal(header: Uint8Array, field: Field, value: number): void {
  writeText(header, field, value.toString(8).padStart(field.length - 1, "0"));
}

/** Largest number that the field can say in octal digits. */
export function octalMax({ length }: Field): number {
  return 8 ** (length - 1) - 1;
}

/** The bytes of a text field up to its first NUL. */
export function fieldBytes(header: Uint8Array, { at, length }: Field): Uint8Array {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/** `bytes` as text. Throws `TarFault` when they are no UTF-8. */
export function textOf(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new TarFault(`${what} ${shown(looseDecoder.decode(bytes))} is not valid UTF-8`);
  }
}

/** A text that somebody chose, in quotes and not longer than a line takes. */
export function shown(text: string): string {
  return JSON.stringify(cutText(text, shownBytesMax));
}

/** The number in a field; `null` when the field is empty, all NUL. Throws `TarFault` for what is no number. */
export function readNumber(header: Uint8Array, { at, length }: Field, what: string): bigint | null {
  const field = header.subarray(at, at + length);
  const first = field[0]!;
  // The sign is in the first byte, or in its second bit, which nothing but a huge number has.
  if (first === 0x80 || first === 0xff) return base256(field);
  const text = String.fromCharCode(...field);
  const digits = /^ *([0-7]+)[ \0]*$/.exec(text)?.[1];
  if (digits !== undefined) return BigInt(Number.parseInt(digits, 8));
  if (/^\0+$/.test(text)) return null;
  throw new TarFault(`${what} ${shown(text.replace(/\0+$/, ""))} is no number`);
}

function base256(field: Uint8Array): bigint {
  let value = 0n;
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  return field[0] === 0xff ? value - 256n ** BigInt(field.length - 1) : value;
}
