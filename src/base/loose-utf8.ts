// Text that may not be UTF-8, such as a file name on Linux, as a string that loses nothing: each byte that belongs to no
// character becomes one of U+10FE80 to U+10FEFF, at the end of the last private plane; where a text has one of these itself,
// its four bytes are written in that way. (Lone surrogates, as in Python's "surrogateescape", do not survive Bun's `node:path`.)
// What may leave this computer is checked for them. Pure.

/** The string behind `bytes`; `encodeLoosely` makes the same bytes of it. */
export function decodeLoosely(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    text +=
      length === 0
        ? String.fromCodePoint(escapeBase + bytes[at]!)
        : strict.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

/** The bytes behind a string of `decodeLoosely`. */
export function encodeLoosely(text: string): Uint8Array {
  const parts: number[] = [];
  for (const character of text) {
    const byte = escapedByte(character);
    if (byte === null) parts.push(...encoder.encode(character));
    else parts.push(byte);
  }
  return Uint8Array.from(parts);
}

/** The byte that `character` stands for, or `null` where it stands for itself. */
export function escapedByte(character: string): number | null {
  const byte = (character.codePointAt(0) ?? 0) - escapeBase;
  return byte >= 0x80 && byte <= 0xff ? byte : null;
}

/** The first byte of `text` that belongs to no character, or `null` when there is none. */
export function strayByte(text: string): number | null {
  // Hardly any has one, and very many are asked about.
  if (!escaped.test(text)) return null;
  for (const character of text) {
    const byte = escapedByte(character);
    if (byte !== null) return byte;
  }
  return null;
}

const escapeBase = 0x10fe00;
const escaped = /[\u{10fe80}-\u{10feff}]/u;
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of the character that begins at `at`, or 0 when none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (at + length > bytes.length) return 0;
  try {
    const character = strict.decode(bytes.subarray(at, at + length));
    return escapedByte(character) === null ? length : 0;
  } catch {
    return 0;
  }
}
