// Numbers and texts in the fields of a tar header: octal digits (ustar), or base 256 where those do not suffice (GNU). Pure.

import { quotedText } from "../base/cut-text.ts";
import { TarFault } from "./member.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const looseDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const shownBytesMax = 200;
const [space, zero] = [0x20, 0x30];

/** A place in a header: first byte and length. */
export interface Field {
  readonly at: number;
  readonly length: number;
}

// Byte by byte: a view for each field would cost more than all of the rest.

/** Writes `text`, ASCII that fits, into its field. */
export function writeText(header: Uint8Array, { at }: Field, text: string): void {
  for (let index = 0; index < text.length; index++) header[at + index] = text.charCodeAt(index);
}

/** Writes `value`, which fits, as octal digits up to the NUL at the field's end. */
export function writeOctal(header: Uint8Array, { at, length }: Field, value: number): void {
  let rest = value;
  for (let index = at + length - 2; index >= at; index--) {
    header[index] = zero + (rest % 8);
    rest = Math.floor(rest / 8);
  }
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
  return quotedText(text, shownBytesMax);
}

/**
 * The number in a field, exact where it is a safe integer; `null` when the field is empty, all NUL. Throws `TarFault` for what
 * is no number.
 */
export function readNumber(header: Uint8Array, { at, length }: Field, what: string): number | null {
  const end = at + length;
  const first = header[at]!;
  if (first === 0x80 || first === 0xff) return base256(header.subarray(at, end));
  let index = at;
  while (index < end && header[index] === space) index++;
  const start = index;
  let value = 0;
  for (; index < end && isOctal(header[index]!); index++) value = value * 8 + header[index]! - zero;
  const hasDigits = index > start;
  while (index < end && (header[index] === 0 || header[index] === space)) index++;
  if (index < end || (!hasDigits && start > at)) throw noNumber(header.subarray(at, end), what);
  return hasDigits ? value : null;
}

function isOctal(byte: number): boolean {
  return byte >= zero && byte < zero + 8;
}

function noNumber(field: Uint8Array, what: string): TarFault {
  return new TarFault(`${what} ${shown(looseDecoder.decode(field).replace(/\0+$/, ""))} is no number`);
}

/** The first byte has the sign alone; a negative number has all bits turned round, and one more. */
function base256(field: Uint8Array): number {
  const isNegative = field[0] === 0xff;
  let value = 0;
  for (let at = 1; at < field.length; at++)
    value = value * 256 + (isNegative ? 255 - field[at]! : field[at]!);
  return isNegative ? -value - 1 : value;
}
