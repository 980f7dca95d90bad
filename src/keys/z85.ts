// Z85, ZeroMQ's text form of binary keys (rfc.zeromq.org/spec/32): 5 characters for every 4 bytes.

import { assert } from "../base/assert.ts";

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const digitValues = new Map([...alphabet].map((character, value) => [character, value]));

/** Z85 text of `bytes`, whose length must be a multiple of 4. */
export function encodeZ85(bytes: Uint8Array): string {
  assert(bytes.length % 4 === 0, "Z85 needs a multiple of 4 bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let offset = 0; offset < bytes.length; offset += 4) {
    let value = view.getUint32(offset);
    let group = "";
    for (let digit = 0; digit < 5; digit++) {
      group = alphabet[value % 85] + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}

/** Bytes of Z85 `text`, or `null` when it is not Z85. */
export function decodeZ85(text: string): Uint8Array | null {
  if (text.length % 5 !== 0) return null;
  const bytes = new Uint8Array((text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let group = 0; group * 5 < text.length; group++) {
    let value = 0;
    for (let digit = 0; digit < 5; digit++) {
      const digitValue = digitValues.get(text[group * 5 + digit] as string);
      if (digitValue === undefined) return null;
      value = value * 85 + digitValue;
    }
    if (value > 0xffff_ffff) return null;
    view.setUint32(group * 4, value);
  }
  return bytes;
}
