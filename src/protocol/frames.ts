// Values to and from single frames: big-endian numbers and strict UTF-8. Used by `encode.ts` and `decode.ts`;
// knows no messages. The readers return `null` for a frame that does not hold such a value and never throw.

import { assert } from "../base/assert.ts";

const u32Max = 0xffff_ffff;
const twoTo32 = 0x1_0000_0000;

/** Four bytes. */
export function u32Frame(value: number): Uint8Array {
  assert(Number.isInteger(value) && value >= 0 && value <= u32Max, `${value} fits an unsigned 32-bit frame`);
  const frame = new Uint8Array(4);
  writeU32(frame, 0, value);
  return frame;
}

/** Eight bytes. */
export function u64Frame(value: number): Uint8Array {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is an exact offset`);
  const frame = new Uint8Array(8);
  writeU32(frame, 0, Math.floor(value / twoTo32));
  writeU32(frame, 4, value % twoTo32);
  return frame;
}

export function readU32(frame: Uint8Array): number | null {
  return frame.length === 4 ? u32At(frame, 0) : null;
}

/** Also `null` above `Number.MAX_SAFE_INTEGER`: such an offset could not be told from its neighbours. */
export function readU64(frame: Uint8Array): number | null {
  if (frame.length !== 8) return null;
  const value = u32At(frame, 0) * twoTo32 + u32At(frame, 4);
  return Number.isSafeInteger(value) ? value : null;
}

const encoder = new TextEncoder();
// A byte order mark stays part of the text: what was sent is what is read.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8Frame(text: string): Uint8Array {
  return encoder.encode(text);
}

/** UTF-8 of `text`, cut at a character so that it has at most `bytesMax` bytes. */
export function utf8FrameCut(text: string, bytesMax: number): Uint8Array {
  const frame = encoder.encode(text);
  if (frame.length <= bytesMax) return frame;
  let end = bytesMax;
  while (end > 0 && (frame[end]! & 0xc0) === 0x80) end -= 1;
  return frame.subarray(0, end);
}

export function readUtf8(frame: Uint8Array): string | null {
  try {
    return decoder.decode(frame);
  } catch {
    return null;
  }
}

function writeU32(frame: Uint8Array, at: number, value: number): void {
  frame[at] = value >>> 24;
  frame[at + 1] = value >>> 16;
  frame[at + 2] = value >>> 8;
  frame[at + 3] = value;
}

function u32At(frame: Uint8Array, at: number): number {
  return frame[at]! * 0x100_0000 + ((frame[at + 1]! << 16) | (frame[at + 2]! << 8) | frame[at + 3]!);
}
