// Values to and from single frames: big-endian numbers, strict UTF-8, JSON. Knows no messages. The readers return `null` for
// a frame that does not hold such a value and never throw.

import { assert } from "../../base/assert.ts";

/** A number in so many bytes. */
export function numberFrame(value: number, width: 4 | 8): Uint8Array {
  const high = Math.floor(value / 2 ** 32);
  assert(Number.isSafeInteger(value) && value >= 0 && (width === 8 || high === 0), "a number fits its frame");
  const frame = new Uint8Array(width);
  // Shifts count modulo 32.
  for (let at = 1; at <= width; at++) frame[width - at] = (at > 4 ? high : value) >>> (8 * (at - 1));
  return frame;
}

/** Also `null` above `Number.MAX_SAFE_INTEGER`: such an offset could not be told from its neighbours. */
export function readNumber(frame: Uint8Array, width: 4 | 8): number | null {
  if (frame.length !== width) return null;
  let value = 0;
  for (let at = 0; at < width; at++) value = value * 256 + frame[at]!;
  return Number.isSafeInteger(value) ? value : null;
}

const encoder = new TextEncoder();
// A byte order mark stays part of the text: what was sent is what is read.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8Frame(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The beginning of UTF-8 bytes, cut at a character where there are more than `bytesMax`. No copy. */
export function cutAtCharacter(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length <= bytesMax) return bytes;
  let end = bytesMax;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

export function readUtf8(frame: Uint8Array): string | null {
  try {
    return decoder.decode(frame);
  } catch {
    return null;
  }
}

/** The object whose JSON text the frame is; `null` also when it is longer than `bytesMax`. */
export function readJsonObject(
  frame: Uint8Array,
  bytesMax: number,
): { readonly [name: string]: unknown } | null {
  try {
    const value = frame.length > bytesMax ? null : JSON.parse(decoder.decode(frame));
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
