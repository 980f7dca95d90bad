// Text that may not be UTF-8, such as a file name on Linux, as a string that loses nothing: each byte that belongs to no
// character becomes one of the code units U+DC80 to U+DCFF, which no character has (as Python's "surrogateescape"
// does). Such a string is not well-formed; what may leave this computer is checked for that. Pure.

/** The string behind `bytes`; `encodeLoosely` makes the same bytes of it. */
export function decodeLoosely(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    text +=
      length === 0
        ? String.fromCharCode(escapeBase + bytes[at]!)
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
  const unit = character.length === 1 ? character.charCodeAt(0) - escapeBase : 0;
  return unit >= 0x80 && unit <= 0xff ? unit : null;
}

/** The first byte of `text` that belongs to no character, or `null` when there is none. */
export function strayByte(text: string): number | null {
  for (const character of text) {
    const byte = escapedByte(character);
    if (byte !== null) return byte;
  }
  return null;
}

const escapeBase = 0xdc00;
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of the character that begins at `at`, or 0 when none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return at + length <= bytes.length ? length : 0;
  } catch {
    return 0;
  }
}
